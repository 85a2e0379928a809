"""Tables in the Markdown of SotA-CV and NLP-progress, in English or Chinese. Pure."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedEntry,
    ParsedLink,
    ParsedMetric,
    ParsedResource,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.scores import (
    SkippedRow,
    is_absent,
    is_score,
    is_web,
    read_image_size,
    read_parameters,
    read_score,
)
from leaderboard.tables.vocabulary import (
    TASKS,
    describe_dataset,
    describe_metric,
    describe_protocol,
    detect_language,
    identify_task,
    is_known_metric,
    name_benchmark,
    split_heading,
)

DESCRIPTION, RESOURCES = ("description", "描述", "说明"), ("resources", "资源")
COLUMNS = {
    "model": ("model", "模型", "method", "model name", "模型名称", "模型名", "方法"),
    "weights": ("weights", "权重"),
    "paper": ("paper", "论文", "paper / source", "paper/source"),
    "code": ("code", "代码"),
    "image_size": ("image size", "图像尺寸"),
    # Not read, and no metric: a rank follows from the scores, a status from our own runs.
    "rank": ("rank", "#", "排名"),
    "status": ("status", "状态"),
    "year": ("year", "年份"),
}
PLACEHOLDER = re.compile(r"^(model name|模型名称?|example|todo)$", re.IGNORECASE)
FORMATTING = re.compile(r"</?(?:b|strong|i|em|u|span|font|mark|small|center|br)\b[^>]*>", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s|<>()\[\]\"']+")
PLACEHOLDER_PAPER = "0000.00000"
HIGHLIGHT = re.compile(r"top[- ]?(\d+) results|前\s*(\d+)\s*名", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """A table's cell: its plain text, and its links."""

    text: str
    links: tuple[ParsedLink, ...]


@dataclass
class Section:
    """What stands under one heading, up to the next."""

    title: str
    level: int
    begin: int
    end: int
    tables: list[list[tuple[int, list[Cell]]]] = field(default_factory=list)
    paragraphs: list[Cell] = field(default_factory=list)


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return what the document says. Raises: FormatFault where there is no table of models in it."""
    lines = text.splitlines()
    sections = read_sections(MarkdownIt("commonmark").enable("table").parse(text), len(lines))
    if not sections or not any(section.tables for section in sections):
        raise FormatFault(
            f"{filename} holds no table under a heading; give a Markdown page with one table a benchmark."
        )
    language = detect_language(text)
    stem = PurePosixPath(filename).stem
    slug = identify_task(sections[0].title, stem)
    name = TASKS.get(slug, {language: sections[0].title})
    catalogue = ParsedCatalogue(source=PurePosixPath(filename).name)
    task = ParsedTask(slug=slug, name=dict(name))
    for section in sections:
        read_section(section, task, catalogue, language, lines)
    if not task.benchmarks:
        raise FormatFault(f"{filename} holds no table with a Model column and scores; nothing can be imported.")
    catalogue.tasks.append(task)
    return catalogue


def read_sections(tokens: list[Token], line_count: int) -> list[Section]:
    sections: list[Section] = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            begin = token.map[1] if token.map else 0
            if sections:
                sections[-1].end = begin - 1
            title = read_cell(tokens[place + 1]).text
            sections.append(Section(title, int(token.tag[1]), begin, line_count))
        elif sections and token.type == "tr_open":
            if tokens[place - 1].type == "thead_open":
                sections[-1].tables.append([])
            sections[-1].tables[-1].append((token.map[0] + 1 if token.map else 0, read_row(tokens, place)))
        elif sections and token.type == "paragraph_open" and token.level == 0:
            sections[-1].paragraphs.append(read_cell(tokens[place + 1]))
    return sections


def read_row(tokens: list[Token], start: int) -> list[Cell]:
    cells = []
    for token in tokens[start + 1 :]:
        if token.type == "tr_close":
            break
        if token.type == "inline":
            cells.append(read_cell(token))
    return cells


def read_cell(token: Token) -> Cell:
    links, label, url = [], "", None
    for child in token.children or []:
        if child.type == "link_open":
            label, url = "", str(child.attrs.get("href", ""))
        elif child.type == "link_close" and url is not None:
            links.append(ParsedLink("" if label == url else label.strip(), url))
            url = None
        elif url is not None:
            label += child.content
    text = "".join(map(read_text, token.children or [])).strip()
    return Cell(text, tuple(links or (ParsedLink("", address) for address in ADDRESS.findall(text))))


def read_text(token: Token) -> str:
    """Return what a reader sees of a part of a cell: a line's end is a space, formatting is nothing."""
    if token.type == "html_inline" and FORMATTING.fullmatch(token.content):
        return " " if token.content.lower().startswith("<br") else ""
    return " " if token.type == "softbreak" else token.content


def read_section(
    section: Section, task: ParsedTask, catalogue: ParsedCatalogue, language: str, lines: list[str]
) -> None:
    title = section.title.lower()
    body = "\n".join(lines[section.begin : section.end]).strip()
    if title in DESCRIPTION:
        task.description[language] = body
    elif title in RESOURCES:
        for table in section.tables:
            task.resources += (resource for _, cells in table[1:] if (resource := read_resource(cells, language)))
    else:
        boards = [each for table in section.tables if (each := read_benchmark(section, table, catalogue, language))]
        task.benchmarks += boards[:1]
        # They would share a board, whatever tells them apart; nothing but their headings can.
        for board in boards[1:]:
            reason = "a further table under one heading; give it a heading of its own"
            catalogue.skipped += [Skipped(entry.line, entry.model, reason) for entry in board.entries]


def read_resource(cells: list[Cell], language: str) -> ParsedResource | None:
    if not cells or not cells[0].links:
        return None
    link = cells[0].links[0]
    texts = [cell.text for cell in cells[1:3]] + ["", ""]
    return ParsedResource(link.label, link.url, texts[0], {language: texts[1]})


def find_columns(header: list[Cell]) -> dict[str, int]:
    titles = [cell.text.lower() for cell in header]
    return {name: titles.index(t) for name, words in COLUMNS.items() for t in words if t in titles}


def find_parameters(table: list[tuple[int, list[Cell]]]) -> dict[str, int]:
    """Return the column that counts parameters, which are no score: a fact of the model."""
    header, *rows = [cells for _, cells in table]
    for place, title in enumerate(header):
        if any(read_parameters(row[place].text, title.text) for row in rows if place < len(row)):
            return {"parameters": place}
    return {}


def find_scores(table: list[tuple[int, list[Cell]]], columns: dict[str, int]) -> list[int]:
    """Return the columns of scores. One that holds words alone, such as notes, is none, save where its name says so."""
    header, *rows = [cells for _, cells in table]
    return [
        place
        for place, title in enumerate(header)
        if title.text and place not in columns.values()
        if is_known_metric(title.text) or not holds_words([row[place].text for row in rows if place < len(row)])
    ]


def holds_words(cells: list[str]) -> bool:
    stated = [text for text in cells if not is_absent(text)]
    return bool(stated) and not any(map(is_score, stated))


def read_benchmark(
    section: Section,
    table: list[tuple[int, list[Cell]]],
    catalogue: ParsedCatalogue,
    language: str,
) -> ParsedBenchmark | None:
    """Return the benchmark of one table, None where it has no column of models or none of scores."""
    columns = find_columns(table[0][1]) | find_parameters(table)
    places = find_scores(table, columns)
    if "model" not in columns or not places:
        return None
    metrics = describe_columns(table[0], places, catalogue)
    prose = " ".join(p.text for p in section.paragraphs if not p.links and not p.text.upper().startswith("TODO"))
    protocol = describe_protocol(prose)
    name, split = split_heading(section.title)
    dataset = describe_dataset(name, split)
    highlight = HIGHLIGHT.search(prose)
    benchmark = ParsedBenchmark(
        slug=name_benchmark(dataset.slug, split, protocol.slug),
        dataset=dataset,
        protocol=protocol,
        metrics=list(metrics.values()),
        description={language: prose} if prose and prose not in protocol.name.values() else {},
        highlight_count=int(highlight[1] or highlight[2]) if highlight else None,
    )
    for line, cells in table[1:]:
        try:
            benchmark.entries.append(read_entry(line, cells, table[0][1], columns, metrics))
        except SkippedRow as skipped:
            row = " | ".join(cell.text for cell in cells if cell.text)
            catalogue.skipped.append(Skipped(line, row[:200], str(skipped)))
    return benchmark


def describe_columns(
    header: tuple[int, list[Cell]], places: list[int], catalogue: ParsedCatalogue
) -> dict[int, ParsedMetric]:
    """Return the metrics by their place. A further column of one is not taken."""
    line, cells = header
    found: dict[int, ParsedMetric] = {}
    for place in places:
        metric = describe_metric(cells[place].text)
        if metric.key in {each.key for each in found.values()}:
            reason = f"a further column of {metric.label}; give it a name of its own"
            catalogue.skipped.append(Skipped(line, cells[place].text[:200], reason))
        else:
            found[place] = metric
    return found


def read_entry(
    line: int, cells: list[Cell], header: list[Cell], columns: dict[str, int], metrics: dict[int, ParsedMetric]
) -> ParsedEntry:
    """Raises: SkippedRow."""
    model = cells[columns["model"]].text if columns["model"] < len(cells) else ""
    if not model:
        raise SkippedRow("the row names no model")
    paper = next(iter(pick_links(cells, columns.get("paper"))), None)
    if PLACEHOLDER.match(model) or (paper and PLACEHOLDER_PAPER in paper.url):
        raise SkippedRow("the row is the template's placeholder, not a model")
    scores = {}
    for place, metric in metrics.items():
        text = cells[place].text if place < len(cells) else ""
        if not is_absent(text):
            scores[metric.key] = read_score(text, metric.label)
    if not scores:
        raise SkippedRow("the row states no score")
    size, count = (columns.get(name, len(cells)) for name in ("image_size", "parameters"))
    return ParsedEntry(
        model=model,
        parameters=read_parameters(cells[count].text, header[count].text) if count < len(cells) else None,
        image_size=read_image_size(cells[size].text) if size < len(cells) else None,
        scores=scores,
        weights=name_links(pick_links(cells, columns.get("weights")), "unstated"),
        codes=name_links(pick_links(cells, columns.get("code")), "code"),
        paper_url=paper.url if paper and is_web(paper.url) else "",
        paper_title=paper.label if paper and paper.label.lower() not in ("paper", "论文") else "",
        line=line,
    )


def pick_links(cells: list[Cell], place: int | None) -> tuple[ParsedLink, ...]:
    return cells[place].links if place is not None and place < len(cells) else ()


def name_links(links: tuple[ParsedLink, ...], name: str) -> list[ParsedLink]:
    """Return the web addresses among them; `name` stands for the label that a bare address lacks."""
    return [ParsedLink(link.label or name, link.url) for link in links if is_web(link.url)]
