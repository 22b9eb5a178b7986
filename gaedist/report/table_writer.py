"""The writer of tables for people. Only a terminal gets colours and wrapped lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from gaedist.files.names import in_natural_order
from gaedist.report.rows import Row, expanded
from gaedist.report.tables import Column, Layout, layout_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_UNWRAPPED = 1 << 16  # columns


class Table:
    """A table for people, with a verdict in words."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.rows: list[Row] = []
        self.given: list[Row] = []

    def add(self, row: Row) -> None:
        """Keep a row until the table is written."""
        self.rows += expanded(row)
        self.given.append(row)

    def close(self) -> None:
        """Write the table or tables, then the sentences of the rows."""
        if not self.rows:
            return
        from rich.console import Console
        from rich.text import Text

        terminal = self.stream.isatty()
        console = Console(
            file=self.stream, force_terminal=terminal, width=None if terminal else _UNWRAPPED, highlight=False
        )
        layout = layout_of([row.result for row in self.rows])
        labels = [layout.label(row.source, row.result) for row in self.rows]
        order = in_natural_order(labels)
        self.rows, labels = [self.rows[k] for k in order], [labels[k] for k in order]
        with console.capture() as capture:
            if console.width < layout.least_width:
                for label, row in zip(labels, self.rows, strict=True):
                    console.print(Text(label, style="bold"))
                    console.print(_transposed(layout, row.result))
                    console.print()
            elif layout.summary:
                for label in dict.fromkeys(labels):
                    results = [r.result for r, name in zip(self.rows, labels, strict=True) if name == label]
                    console.print(Text(label, style="bold"))
                    console.print(_drawn(layout, results, None, console))
                    console.print(Text(f"\n{layout.summary(results)}\n"))
                    self._sketch(
                        [row for row in self.given if layout.label(row.source, row.result) == label], console
                    )
            else:
                console.print(_drawn(layout, [row.result for row in self.rows], labels, console))
                for sentence in self._sentences(layout, labels):
                    console.print(Text(f"\n{sentence}"))
                self._sketch(self.given, console)
        print(
            "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n")),
            file=self.stream,
            flush=True,
        )

    def _sketch(self, rows: Sequence[Row], console: "Console") -> None:
        """Print pictures of one line, on a terminal."""
        if not self.stream.isatty():
            return
        from rich.text import Text

        from gaedist.report.sketches import sketches

        encoding = getattr(self.stream, "encoding", None)
        lines = sketches(rows, console.width, encoding)
        for text in ["", *lines] if lines else []:
            console.print(Text(text), no_wrap=True, overflow="crop")

    def _sentences(self, layout: Layout, labels: list[str]) -> Iterator[str]:
        """Yield the sentence of each row that has one, or the paragraphs of several rows."""
        results, sigma = [row.result for row in self.rows], layout.columns.get("σ")
        names = [
            f"{label}, σ = {sigma.cell(result)}" if sigma and labels.count(label) > 1 else label
            for label, result in zip(labels, results, strict=True)
        ]
        if layout.paragraphs and len(results) > 1:
            yield from layout.paragraphs(names, results)
            return
        for name, result in zip(names, results, strict=True):
            if sentence := layout.sentence(result):
                yield f"{name}: {sentence}" if len(results) > 1 else sentence


def _drawn(
    layout: Layout, results: Sequence[Any], labels: Sequence[str] | None, console: "Console"
) -> "RichTable":
    """Return a table of results, with a first column of labels if there are any.

    Columns without which it can be read are left out until it fits.
    """
    columns, unlimited = dict(layout.columns), console.options.update_width(_UNWRAPPED)
    table = _table(layout, columns, results, labels)
    for name in layout.dispensable:
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
        columns.pop(name, None)
        table = _table(layout, columns, results, labels)
    return table


def _table(
    layout: Layout, columns: Mapping[str, Column], results: Sequence[Any], labels: Sequence[str] | None
) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=None, pad_edge=False, header_style="bold")
    if labels is not None:
        table.add_column("", overflow="fold", min_width=min(layout.label_width, max(map(len, labels))))
    for name, column in columns.items():
        table.add_column(name, justify=column.justify, no_wrap=not column.wraps)
    for k, result in enumerate(results):
        names = ["" if labels is None else labels[k], *layout.part_labels]
        for line, (name, part) in enumerate(zip(names, layout.parts(result), strict=False)):
            before = [] if labels is None else [Text(name)]
            table.add_row(*before, *(Text(column.text(part, line)) for column in columns.values()))
    return table


def _transposed(layout: Layout, result: Any) -> "RichTable":
    """Return a table of one result, with a line for each column of its layout."""
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable.grid(padding=(0, 2, 0, 0))
    for name, column in layout.columns.items():
        table.add_row(Text(f"  {name}"), Text(column.cell(result)))
    return table
