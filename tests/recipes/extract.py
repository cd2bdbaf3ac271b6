"""extract.py PAGE FOLDER: writes the blocks of a Markdown page whose first line names a file into FOLDER.

The first line of such a block is, for example, ```yaml plans/smoke.fmf
"""

import sys
from pathlib import Path

page, folder = sys.argv[1:]
name, block = None, []
for line in Path(page).read_text(encoding="utf-8").splitlines():
    if not line.startswith("```"):
        block.append(line)
    elif line == "```":
        if name:
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(block) + "\n", encoding="utf-8")
        name = None
    else:
        name, block = (line.split() + [""])[1], []
