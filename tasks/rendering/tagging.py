"""What WeasyPrint's tags lack of PDF/UA-1, put right before a PDF is written.

Running headers and footers become artifacts (ISO 14289-1, 7.1), terms and their descriptions a list with
labels (ISO 32000-1, 14.8.4.3.3), headers of tables get their scope (7.5), figures their place on the page
(ISO 32000-1, table 344). `tests/rendering/matterhorn.py` looks for what a program can find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pydyf
    from weasyprint import Document

_POINTS_A_PIXEL = 0.75
_SCOPES = {"/THead": "/Column", "/TBody": "/Row", "/TFoot": "/Row"}
_DESCRIBED = (("/Lbl", "/Span"), ("/LBody", "/P"))
"""What a term and a description become, and the block in each."""


def mend_tags(document: Document, pdf: pydyf.PDF) -> None:
    """Change the tags of a PDF that is about to be written; WeasyPrint's `finisher`."""
    tree = _Tree(pdf)
    for element in list(tree.elements()):
        kind = element["S"]
        if kind == "/L":
            _describe(tree, element)
        elif kind in _SCOPES:
            _give_scope(tree, element, _SCOPES[kind])
        elif kind == "/Figure":
            _place(tree, element)
    _leave_margins_out(tree)


class _Tree:
    """The structure of a PDF as objects: an entry is a number of marked content or a reference."""

    def __init__(self, pdf: pydyf.PDF) -> None:
        self.pdf = pdf
        self._objects = {each.reference: each for each in pdf.objects}
        self.root = self[pdf.catalog["StructTreeRoot"]]

    def __getitem__(self, reference: bytes) -> Any:
        return self._objects[reference]

    def children(self, element: Any) -> list[Any]:
        """The elements directly in one, without marked content and references to links."""
        kids = (self[kid] for kid in element["K"] if isinstance(kid, bytes))
        return [kid for kid in kids if kid.get("Type") == "/StructElem"]

    def elements(self) -> Iterator[Any]:
        """Every element of the document, in reading order."""
        waiting = [self[each] for each in reversed(self.root["K"])]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(self.children(element)))


def _describe(tree: _Tree, found: Any) -> None:
    """Give a list of terms and descriptions its labels; what stands in it empty is taken out.

    WeasyPrint makes an item of each, with one body, and keeps the `div` around a pair.
    """
    for pair in tree.children(found):
        if pair["S"] == "/Div":
            pair["S"] = "/LI"
            for place, item in enumerate(tree.children(pair)):
                item["S"], inner = _DESCRIBED[min(place, 1)]
                for body in tree.children(item):
                    body["S"] = f"{inner}"
    found["K"][:] = [kid for kid in found["K"] if tree[kid]["S"] == "/LI" or tree[kid]["K"]]


def _give_scope(tree: _Tree, rows: Any, scope: str) -> None:
    """Headers above a table are their column's, those beside it their row's."""
    for row in tree.children(rows):
        for cell in tree.children(row):
            if cell["S"] == "/TH":
                cell["A"]["Scope"] = scope


def _place(tree: _Tree, figure: Any) -> None:
    """Where a figure is, in points from the page's lower left corner; WeasyPrint tells pixels from above."""
    left, top, right, bottom = (_POINTS_A_PIXEL * each for each in figure["A"]["BBox"])
    height = tree[figure["Pg"]]["MediaBox"][3]
    figure["A"]["BBox"][:] = (left, height - bottom, right, height - top)


def _leave_margins_out(tree: _Tree) -> None:
    """Make an artifact of marked content that no element of the document holds: headers and footers."""
    held: dict[bytes, set[int]] = {}
    for element in tree.elements():
        held.setdefault(element.get("Pg"), set()).update(kid for kid in element["K"] if isinstance(kid, int))
    parents = tree[tree.root["ParentTree"]]["Nums"]
    of_pages = dict(zip(parents[::2], parents[1::2], strict=True))
    for number, page in enumerate(tree.pdf.page_references):
        known = held.get(page, set())
        stream = tree[tree[page]["Contents"]].stream
        for at, operator in enumerate(stream):
            if operator == b"BDC" and stream[at - 1].get("MCID") not in known | {None}:
                of_pages[number][stream[at - 1]["MCID"]] = b"null"
                stream[at - 2 : at] = ["/Artifact", type(stream[at - 1])({"Type": "/Pagination"})]
