"""Conditions of `compare --fail-if` as JUnit XML: a test case for each test and condition, for CI systems. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.figures.failing import Outcome
    from qoe_agent.compare.shapes import Compared, Tested


def suite(compared: Compared, outcomes: Sequence[Sequence[Outcome]]) -> bytes:
    """`outcomes`: of each test, in the order of the comparison. A case of its own says whether a test was compared."""
    root = ElementTree.Element("testsuite", name=_clean(f"qoe-agent compare {compared.reference.path}"))
    failures = errors = 0
    for test, of_it in zip(compared.tests, outcomes, strict=True):
        case = _case(root, test.name, "compared")
        if test.refused:
            failures += 1
            ElementTree.SubElement(case, "failure", message=_clean("; ".join(test.refused)))
        for each in of_it:
            case = _case(root, test.name, each.condition.text)
            if test.refused:
                ElementTree.SubElement(case, "skipped", message="not compared")
            elif each.value is None:
                errors += 1
                ElementTree.SubElement(case, "error", message=_clean(each.why))
            elif each.fails:
                failures += 1
                ElementTree.SubElement(case, "failure", message=_clean(said(each)))
    root.set("tests", str(len(root)))
    root.set("failures", str(failures))
    root.set("errors", str(errors))
    root.set("skipped", str(len(root.findall("testcase/skipped"))))
    root.set("time", f"{float(compared.provenance.get('seconds', 0.0)):.3f}")
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def lines(test: Tested, outcomes: Sequence[Outcome]) -> list[str]:
    """What failed of a test, and what could not be judged, a line each."""
    if test.refused:
        return [why if why.startswith(test.media.path) else f"{test.name}: {why}" for why in test.refused]
    told = [(each, each.why if each.value is None else said(each)) for each in outcomes if each.fails]
    return [f"{test.name}: --fail-if '{each.condition.text}': {why}" for each, why in told]


def said(outcome: Outcome) -> str:
    """The number, and the condition that it meets."""
    condition = outcome.condition
    assert outcome.value is not None
    name = condition.name + (f"[{condition.model}]" if condition.model else "")
    name += f".{condition.statistic}" if condition.statistic else ""
    return f"{name} is {outcome.value:.6g}, which is {condition.sign} {condition.number:g}"


def _case(root: ElementTree.Element, of: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(root, "testcase", classname=_clean(of), name=_clean(name))


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    control = ("Cc", "Cs")
    return "".join("?" if unicodedata.category(char) in control and char not in "\t\n" else char for char in text)
