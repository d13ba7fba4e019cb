#!/usr/bin/env python3
"""check_links.py TREE: each link of a Markdown file of TREE to another file is to one that exists, and to a
heading that it has."""

import pathlib
import re
import sys

LINK = re.compile(r'\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]+))?\)')


def anchors(text):
    """Those that GitHub makes of the headings."""
    text = re.sub(r'^```.*?^```$', '', text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r'^#+ (.*)$', text, flags=re.MULTILINE):
        yield re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def main(tree):
    tree = pathlib.Path(tree).resolve()
    problems = []
    documents = [path for path in tree.rglob('*.md') if 'build' not in path.relative_to(tree).parts]
    for document in documents:
        for target, anchor in LINK.findall(re.sub(r'`[^`\n]*`', '', document.read_text())):
            if '://' in target:
                continue
            file = (document.parent / target).resolve() if target else document
            if not file.exists():
                problems.append(f'{document}: there is no {target}')
            elif anchor and anchor not in anchors(file.read_text()):
                problems.append(f'{document}: {target} has no heading #{anchor}')
    sys.exit('\n'.join(problems) or 0)


main(sys.argv[1])
