"""HTML and SVG as a tree of elements, so that whatever is put in is text and never markup.

A page carries everything that it shows: a content security policy forbids it the network, and any
script but the one that it was made with.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, tostring

from mttcg.printable import printable, shortened

Child: TypeAlias = "Element | str"

LONGEST = 10_000
"""Characters of a text that are shown."""


def element(tag: str, attributes: Mapping[str, object] | None = None, *children: Child) -> Element:
    """Return an element of HTML or SVG.

    attributes: by name, their values as text; those that are None are left out. children: elements
    and texts, in order. Text is escaped when the page is written; of a long one, which is no
    attribute, the middle is left out.
    """
    made = Element(
        tag, {name: clean(str(v)) for name, v in (attributes or {}).items() if v is not None}
    )
    for child in children:
        append(made, child)
    return made


def append(parent: Element, child: Child) -> None:
    """Put a child at the end of an element."""
    if isinstance(child, Element):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + clean(shortened(child, LONGEST))
    else:
        parent.text = (parent.text or "") + clean(shortened(child, LONGEST))


def clean(text: str) -> str:
    """Write a text with what a page can't hold, or nobody sees, shown by its code."""
    return printable(text, keep="\t\n", longest=len(text))


def markup_of(tree: Element) -> str:
    """Return an element as text; every character that was put in stands for itself."""
    return tostring(tree, encoding="unicode", method="html")


def page(title: str, body: Sequence[Child], style: str, script: str = "") -> str:
    """Return a whole page that needs nothing but itself.

    style, script: CSS and JavaScript of ours, without data in them, as they are not escaped.
    """
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{allowed}'"
    )
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width"}),
        element("link", {"rel": "icon", "href": "data:,"}),
        element("title", None, title),
    )
    SubElement(head, "style").text = style
    tree = element("html", {"lang": "en"}, head, element("body", None, *body))
    if script:
        SubElement(tree[1], "script").text = script
    return f"<!DOCTYPE html>\n{markup_of(tree)}\n"
