"""What a program can see of PDF/UA-1 in a PDF: failure conditions of the Matterhorn Protocol 1.1.

ISO 14289-1:2014 asks for what a screen reader needs; the Matterhorn Protocol (PDF Association, 2021) numbers
the ways to fail it, and says which of them a program can find. Those that can happen in reports as ours are
looked for here, under their numbers. What a report never has is one check that it has none: scripts, forms,
media, optional content, encryption, attached files, reference XObjects, notes and formulas.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject, IndirectObject

_GROUPS = ("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "NonStruct", "Private")
_BLOCKS = ("P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody")
_TABLES = ("Table", "TR", "TH", "TD", "THead", "TBody", "TFoot")
_INLINE = ("Span", "Quote", "Reference", "Code", "Link", "Annot", "Figure")
_STANDARD = frozenset((*_GROUPS, *_BLOCKS, *_TABLES, *_INLINE))
_PAINTS = frozenset(
    ("Tj", "TJ", "'", '"', "f", "F", "f*", "S", "s", "B", "b", "B*", "b*", "Do", "sh", "INLINE IMAGE")
)
_MAY_HOLD = {
    "Table": {"TR", "THead", "TBody", "TFoot", "Caption"},
    "THead": {"TR"},
    "TBody": {"TR"},
    "TFoot": {"TR"},
    "TR": {"TH", "TD"},
    "L": {"L", "LI", "Caption"},
    "LI": {"Lbl", "LBody"},
}
_MUST_BE_IN = {
    "TR": {"Table", "THead", "TBody", "TFoot"},
    "THead": {"Table"},
    "TBody": {"Table"},
    "TFoot": {"Table"},
    "TH": {"TR"},
    "TD": {"TR"},
    "LI": {"L"},
    "LBody": {"LI"},
}


@dataclass(frozen=True)
class Element:
    """One element of the structure: its type, what is in it, the marked content it holds as (page, id)."""

    kind: str
    entry: DictionaryObject
    children: tuple[Element, ...]
    content: tuple[tuple[int, int], ...]
    annotations: tuple[int, ...]

    def walk(self) -> Iterator[Element]:
        """It and everything in it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()


def failures(path: Path) -> list[str]:
    """Every failure condition that a PDF meets, as "14-003: H2 is followed by H4"."""
    reader = PdfReader(path)
    root = reader.trailer["/Root"]
    found = [*_document(reader, root)]
    if "/StructTreeRoot" not in root:
        return [*found, "01-005: no structure"]
    pages = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages)}  # type: ignore[union-attr]
    tree = _element(root["/StructTreeRoot"]["/K"], pages, None)
    elements = [each for top in tree for each in top.walk()]
    for checked in (_nesting, _headings, _figures, _tables, _roles):
        found += checked(elements, root)
    found += _content(reader, elements)
    found += _annotations(reader, elements)
    found += _fonts(reader)
    return found


def _element(entry: Any, pages: dict[int, int], page: int | None) -> list[Element]:
    entry = entry.get_object() if isinstance(entry, IndirectObject) else entry
    if isinstance(entry, ArrayObject):
        return [each for kid in entry for each in _element(kid, pages, page)]
    if not isinstance(entry, DictionaryObject) or "/S" not in entry:
        return []
    here = pages[entry.raw_get("/Pg").idnum] if "/Pg" in entry else page
    kids = entry.get("/K", ArrayObject())
    kids = kids if isinstance(kids, ArrayObject) else ArrayObject([kids])
    content, annotations, children = [], [], []
    for kid in kids:
        held = kid.get_object() if isinstance(kid, IndirectObject) else kid
        if isinstance(held, int):
            content.append((here if here is not None else -1, int(held)))
        elif held.get("/Type") == "/OBJR":
            annotations.append(held.raw_get("/Obj").idnum)
        elif held.get("/Type") == "/MCR":
            content.append((pages[held.raw_get("/Pg").idnum], int(held["/MCID"])))
        else:
            children += _element(held, pages, here)
    return [Element(entry["/S"][1:], entry, tuple(children), tuple(content), tuple(annotations))]


def _document(reader: PdfReader, root: DictionaryObject) -> Iterator[str]:
    if root.get("/MarkInfo", {}).get("/Marked") is None or not root["/MarkInfo"]["/Marked"].value:
        yield "01-002: not marked as tagged"
    if root.get("/MarkInfo", {}).get("/Suspects"):
        yield "01-007: structure is suspect"
    if "/Metadata" not in root:
        yield "06-001: no metadata"
    else:
        told = root["/Metadata"].get_data().decode()
        if not re.search(r"pdfuaid:part(>|=\")1", told):
            yield "06-002: metadata do not say PDF/UA-1"
        if not re.search(r"<dc:title>.*?<rdf:li[^>]*>[^<]+</rdf:li>", told, re.DOTALL):
            yield "06-003: no title in the metadata"
    preferences = root.get("/ViewerPreferences", {})
    if "/DisplayDocTitle" not in preferences or not preferences["/DisplayDocTitle"].value:
        yield "07-001: the title is not shown"
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*", str(root.get("/Lang", ""))):
        yield f"11-006: no language ({root.get('/Lang')!r})"
    for key, number in (("/OCProperties", "20-001"), ("/AcroForm", "25-001"), ("/OpenAction", "29-001")):
        if key in root:
            yield f"{number}: the document has {key}"
    if reader.is_encrypted:
        yield "26-001: encrypted"
    if "/EmbeddedFiles" in root.get("/Names", {}):
        yield "21-001: attached files"


def _nesting(elements: list[Element], root: DictionaryObject) -> Iterator[str]:
    for element in elements:
        allowed = _MAY_HOLD.get(element.kind)
        for child in element.children:
            if allowed is not None and child.kind not in allowed:
                yield f"09-00x: {child.kind} directly in {element.kind}"
            needed = _MUST_BE_IN.get(child.kind)
            if needed is not None and element.kind not in needed:
                yield f"09-00x: {child.kind} in {element.kind}"
        if allowed is not None and element.content:
            yield f"09-00x: text directly in {element.kind}"
        if element.kind in ("Note", "Formula", "Form"):
            yield f"17/19/28: a {element.kind}"


def _headings(elements: list[Element], root: DictionaryObject) -> Iterator[str]:
    levels = [int(each.kind[1]) for each in elements if re.fullmatch(r"H[1-6]", each.kind)]
    if levels and levels[0] != 1:
        yield f"14-002: the first heading is H{levels[0]}"
    for before, after in itertools.pairwise(levels):
        if after > before + 1:
            yield f"14-003: H{before} is followed by H{after}"
    for element in elements:
        if re.fullmatch(r"H[1-6]", element.kind) and not any(each.content for each in element.walk()):
            yield f"14-001: an empty {element.kind}"
        if element.kind == "H":
            yield "14-007: H beside numbered headings"


def _figures(elements: list[Element], root: DictionaryObject) -> Iterator[str]:
    for element in elements:
        if element.kind == "Figure":
            if not str(element.entry.get("/Alt", "")).strip():
                yield "13-004: a figure without a text"
            left, bottom, right, top = map(float, element.entry["/A"]["/BBox"])
            width, height = map(float, element.entry["/Pg"]["/MediaBox"][2:])
            if not (0.0 <= left < right <= width and 0.0 <= bottom < top <= height):
                yield f"13-00x: a figure off its page ({left:.0f}, {bottom:.0f}, {right:.0f}, {top:.0f})"


def _tables(elements: list[Element], root: DictionaryObject) -> Iterator[str]:
    for table in elements:
        if table.kind != "Table":
            continue
        rows = [each for each in table.walk() if each.kind == "TR"]
        cells = [each for row in rows for each in row.children]
        widths = {sum(int(_of_table(cell).get("/ColSpan", 1)) for cell in row.children) for row in rows}
        spans = any("/RowSpan" in _of_table(cell) for cell in cells)
        if len(widths) > 1 and not spans:
            yield f"15-00x: rows of {sorted(widths)} columns"
        if any(cell.kind == "TD" for cell in cells) and not any(cell.kind == "TH" for cell in cells):
            yield "15-001: a table without headers"
        names = {str(cell.entry["/ID"]) for cell in cells if "/ID" in cell.entry}
        for cell in cells:
            attributes = _of_table(cell)
            if cell.kind == "TH" and attributes.get("/Scope") not in ("/Row", "/Column", "/Both"):
                yield "15-003: a header without its scope"
            if not {str(each) for each in attributes.get("/Headers", ())} <= names:
                yield "15-00x: a cell names a header that there is not"


def _of_table(cell: Element) -> DictionaryObject:
    attributes = cell.entry.get("/A", DictionaryObject())
    assert isinstance(attributes, DictionaryObject)
    return attributes


def _roles(elements: list[Element], root: DictionaryObject) -> Iterator[str]:
    mapped = root["/StructTreeRoot"].get("/RoleMap", {})  # type: ignore[index]
    for kind in {each.kind for each in elements} - _STANDARD:
        if f"/{kind}" not in mapped:
            yield f"02-001: {kind} is no standard type"


def _content(reader: PdfReader, elements: list[Element]) -> Iterator[str]:
    held = [place for element in elements for place in element.content]
    if len(held) != len(set(held)):
        yield "01-00x: marked content in two elements"
    marked: set[tuple[int, int]] = set()
    for number, page in enumerate(reader.pages):
        inside: list[str] = []
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            name = operator.decode()
            if name in ("BDC", "BMC"):
                tag = str(operands[0])
                if tag == "/Artifact" and any(each != "/Artifact" for each in inside):
                    yield f"01-003: an artifact inside tagged content, page {number + 1}"
                if tag != "/Artifact" and "/Artifact" in inside:
                    yield f"01-004: tagged content inside an artifact, page {number + 1}"
                if name == "BDC" and "/MCID" in operands[1]:
                    marked.add((number, int(operands[1]["/MCID"])))
                inside.append(tag)
            elif name == "EMC":
                inside.pop()
            elif name in _PAINTS and not inside:
                yield f"01-005: content that is neither tagged nor an artifact, page {number + 1}"
    for number, identifier in marked ^ set(held):
        yield f"01-006: content {identifier} of page {number + 1} is not in the structure, or not there"


def _annotations(reader: PdfReader, elements: list[Element]) -> Iterator[str]:
    in_structure = {number: element for element in elements for number in element.annotations}
    for page in reader.pages:
        annotations = page.get("/Annots", ())
        if annotations and page.get("/Tabs") != "/S":
            yield "28-008: tabs do not follow the structure"
        for reference in annotations:
            annotation = reference.get_object()
            if annotation["/Subtype"] != "/Link":
                yield f"28-00x: an annotation {annotation['/Subtype']}"
            element = in_structure.get(reference.idnum)
            if element is None or element.kind != "Link":
                yield "28-011: a link that is in no Link of the structure"
            if not str(annotation.get("/Contents", "")).strip():
                yield "28-012: a link without a description"


def _fonts(reader: PdfReader) -> Iterator[str]:
    seen: dict[int, DictionaryObject] = {}
    for page in reader.pages:
        for resources in _resources(page.get("/Resources", DictionaryObject())):
            for reference in resources.get("/Font", {}).values():
                seen[id(reference.get_object())] = reference.get_object()
    for font in seen.values():
        name = font.get("/BaseFont")
        if font["/Subtype"] == "/Type3":
            described = font
        else:
            described = font["/DescendantFonts"][0].get_object()
            system = described.get("/CIDSystemInfo", {})
            if not {"/Registry", "/Ordering", "/Supplement"} <= set(system):
                yield f"31-001: {name} has no character collection"
            if described["/Subtype"] == "/CIDFontType2" and "/CIDToGIDMap" not in described:
                yield f"31-004: {name} does not say which glyph is which"
            descriptor = described["/FontDescriptor"]
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor):
                yield f"31-009: {name} is not embedded"
        if "/ToUnicode" not in font:
            yield f"31-027: {name} does not say which letter is which"
        elif re.search(rb"<(0000|FEFF|FFFE)>\s*(endbfchar|\n)", font["/ToUnicode"].get_data(), re.IGNORECASE):
            yield f"31-028: {name} has letters that are none"


def _resources(resources: Any) -> Iterator[DictionaryObject]:
    """A page's resources, and those of the drawings in it."""
    resources = resources.get_object()
    yield resources
    for reference in resources.get("/XObject", {}).values():
        drawing = reference.get_object()
        if "/Ref" in drawing:
            raise AssertionError("30-001: a reference XObject")
        if "/Resources" in drawing:
            yield from _resources(drawing["/Resources"])
