"""What the sandbox is filled with: the article's repository, nine applications, and their past.

`tree/` holds the files as they are in git; `history` who wrote them when; `story` what has
happened in the cluster before the console looks; `assembly` starts all of it.
"""
