#!/usr/bin/env python3
"""check_picture.py README PROGRAM: compares README's first block with what the test Picture of PROGRAM
prints. Places, times and the order in which the two channels are accepted may differ."""

import re
import subprocess
import sys


def lines(text):
    """What is to be the same, with the lines about connections in one order."""
    text = re.sub(r'^.*:\d+: Failure$', 'PLACE: Failure', text, flags=re.MULTILINE)
    text = re.sub(r' *\+[0-9.]+ ms', ' TIME', text)
    all_lines = [line for line in text.splitlines() if not line.endswith('disconnected')]
    return sorted(line for line in all_lines if line.endswith(' connected')) + [
        line for line in all_lines if not line.endswith(' connected')]


readme, program = sys.argv[1:]
with open(readme, encoding='utf-8') as file:
    shown = file.read().split('```\n', 2)[1]
printed = subprocess.run([program, '--gtest_filter=Picture.*', '--gtest_also_run_disabled_tests',
                          '--gtest_brief=1'], stdout=subprocess.PIPE, text=True, check=False).stdout
begin, end = printed.index('Failure'), printed.index('[  FAILED  ]')
printed = printed[printed.rindex('\n', 0, begin) + 1:end]
if lines(shown) != lines(printed):
    sys.exit(f'README shows:\n{shown}\nThe test prints:\n{printed}')
