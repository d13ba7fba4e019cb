#!/usr/bin/env python3
"""extract.py DOCUMENT DIRECTORY USER...: writes each fenced C++ block of a Markdown file into DIRECTORY.

The file's name is the heading's words, the block's number below that heading, and .inc:
a_first_test.1.inc. A compiler error in it names the line of the document. Fails if one of the blocks is
in no #include of the files USER, or another language's block has nobody who runs it.
"""

import pathlib
import re
import sys

# Blocks of other languages, by document and heading: follow_readme.sh runs those of the ways to
# install, .ci/run the scripts.
RUN_ELSEWHERE = {
    ('README.md', 'two_commands', 'sh'), ('README.md', 'a_first_test', 'cmake'),
    ('README.md', 'mock_hyperstart', 'mermaid'),
    ('examples/README.md', 'python', 'sh'), ('examples/README.md', 'go', 'sh'),
}


def blocks(text):
    heading, counts, lines = '', {}, text.split('\n')
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith('#'):
            words = re.sub(r'\(.*\)', '', line.lstrip('#'))
            heading = '_'.join(re.findall(r'[a-z0-9_]+', words.lower()))
        elif line.startswith('```'):
            end = lines.index('```', at + 1)
            key = heading, line[3:]
            counts[key] = counts.get(key, 0) + 1
            yield heading, line[3:], counts[key], at + 2, '\n'.join(lines[at + 1:end])
            at = end
        at += 1


def main(document, directory, *users):
    name = '/'.join(pathlib.Path(document).parts[-2:])
    name = name if name.startswith('examples/') else pathlib.Path(document).name
    used = ''.join(pathlib.Path(user).read_text() for user in users)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    problems = []
    for heading, language, number, line, text in blocks(pathlib.Path(document).read_text()):
        if language == 'cpp':
            file = f'{heading}.{number}.inc'
            (directory / file).write_text(f'#line {line} "{document}"\n{text}\n')
            if f'#include "{directory.name}/{file}"' not in used:
                problems.append(f'{document}:{line}: no test has #include "{directory.name}/{file}"')
        elif language and (name, heading, language) not in RUN_ELSEWHERE:
            problems.append(f'{document}:{line}: nobody runs this block of {language}')
    sys.exit('\n'.join(problems) or 0)


main(*sys.argv[1:])
