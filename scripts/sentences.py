"""Collect the sentences in which engine and rules refuse, so that pages can say them in the reader's language.

Engine and rules know no Django, so they word their sentences in plain English with values set in. This script reads
them from the sources and writes `leaderboard/refusals.py`, from which gettext collects them for translation and by
which `leaderboard/sentences.py` recognises them. `python -m scripts.sentences` writes the file anew;
`scripts.translations` fails while it is behind.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "leaderboard" / "refusals.py"
SOURCES = (
    *("evaluation/*.py", "evaluation/static_check/*.py", "evaluation/engine/*.py", "evaluation/engine/formats/*.py"),
    *("evaluation/engine/architectures/**/*.py", "leaderboard/states.py", "portal/object_storage.py"),
    *(f"leaderboard/services/running/{name}.py" for name in ("runs", "publishing", "transitions", "parts")),
)
# What only who runs a command reads, or registers a dataset: they speak English alone.
LEFT_OUT = {
    "cli.py",
    "commands.py",
    "verify.py",
    "attestation.py",
    "evidence.py",
    "ranks.py",
    "dataset.py",
    "files.py",
    "labels.py",
    "tars.py",
    "voc.py",
}
LEFT_OUT |= {"graph.py", "pixels.py", "preprocessing.py"}
# Calls that take a sentence, functions that return one, names that one is given to, tables that hold parts of some.
SAYERS = {"InputFault", "FetchFault", "FetchUnavailable", "Trouble", "Fault", "TransitionRefused", "ReportRefused"}
SAYERS |= {"EngineTrouble", "StorageAway"}
SAYERS |= {"give_up", "give_back", "enqueue", "move"}
RETURNING = {"describe_misfit", "propose", "tell_number", "find_rivals"}
NAMES = {"hint", "parts"}
TABLES = {"KNOWN", "SPECIAL", "BY_NAME"}
HEAD = '''"""The sentences in which engine and rules refuse. Written by `python -m scripts.sentences`."""


def gettext_noop(text: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown."""
    return text


SENTENCES = (
'''
Texts = dict[str, str]


def find_texts(tree: ast.Module) -> Texts:
    """Return the module's constants of text, which sentences set in by name."""
    found: Texts = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    return found


def find_sentences(tree: ast.Module) -> Iterator[ast.expr]:
    """Return the expressions that may be sentences or parts of some."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in SAYERS:
                yield from node.args
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")
            case ast.FunctionDef(name=name) if name in RETURNING:
                yield from (part for part in ast.walk(node) if isinstance(part, ast.JoinedStr))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp(body=body, orelse=orelse)) if name in NAMES:
                yield from (body, orelse)
            case ast.Assign(targets=[ast.Name(id=name)], value=table) if name in TABLES:
                yield from list_parts(table)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as table) if name in TABLES:
                yield from list_parts(table)


def list_parts(table: ast.expr) -> Iterator[ast.expr]:
    """Return the values of a dictionary, or all of a table but its first column."""
    if isinstance(table, ast.Dict):
        yield from table.values
    elif isinstance(table, ast.Tuple):
        for row in table.elts:
            yield from row.elts[1:] if isinstance(row, ast.Tuple) else ()


def write_template(node: ast.expr, texts: Texts) -> str:
    """Return the sentence with its values as placeholders, "" where the expression is none."""
    if isinstance(node, ast.Name):
        text = texts.get(node.id, "")
        return text.replace("%", "%%") if " " in text else ""
    if isinstance(node, ast.Constant):
        return node.value.replace("%", "%%").strip() if isinstance(node.value, str) and " " in node.value else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts: list[str] = []
    names: dict[str, int] = {}
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value).replace("%", "%%"))
        elif isinstance(part, ast.FormattedValue):
            known = texts.get(part.value.id) if isinstance(part.value, ast.Name) else None
            parts.append(known.replace("%", "%%") if known else place(part.value, names))
    text = "".join(parts).strip()
    return text if any(letter.isalpha() for letter in "".join(p for p in parts if not p.startswith("%("))) else ""


def place(value: ast.expr, names: dict[str, int]) -> str:
    """Return a placeholder with a telling name, each once."""
    named = [
        node.id for node in ast.walk(value) if isinstance(node, ast.Name) and node.id not in {"len", "str", "type"}
    ]
    named += [node.attr for node in ast.walk(value) if isinstance(node, ast.Attribute) and node.attr != "join"][:1]
    name = (named or ["value"])[0].lower()
    names[name] = names.get(name, 0) + 1
    return f"%({name}{names[name] if names[name] > 1 else ''})s"


def collect() -> list[str]:
    """Return all sentences of the sources, each once, sorted."""
    paths = sorted({path for pattern in SOURCES for path in ROOT.glob(pattern) if path.name not in LEFT_OUT})
    trees = [ast.parse(path.read_text()) for path in paths]
    texts: Texts = {}
    for tree in trees:
        texts |= find_texts(tree)
    return sorted({text for tree in trees for node in find_sentences(tree) if (text := write_template(node, texts))})


def write_module() -> str:
    """Return the module that holds them, as the formatter would leave it."""
    lines = [f"    gettext_noop({quote(text)}),\n" for text in collect()]
    return f"{HEAD}{''.join(lines)})\n"


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\")
    return f"'{escaped}'" if '"' in escaped and "'" not in escaped else '"' + escaped.replace('"', '\\"') + '"'


if __name__ == "__main__":
    TARGET.write_text(write_module())
    print(f"{len(collect())} sentences in {TARGET.relative_to(ROOT)}")
