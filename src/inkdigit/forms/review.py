"""The doubtful fields of many forms -> one HTML page on which a person corrects them. It needs no server."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template as Text

from inkdigit.forms import csv_table
from inkdigit.forms.reader import Answer, Form
from inkdigit.forms.template import DIGITS, Rule, Template
from inkdigit.utils.files import atomic


def write(path: Path, forms: Sequence[Form], template: Template, table: str) -> None:
    """Write the page.

    Args:
        path: where to.
        forms: what was read.
        template: their form.
        table: the name of the table that the page corrects.

    Raises:
        InkdigitError: it cannot be written.
    """
    content = page(forms, template, table)
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def page(forms: Sequence[Form], template: Template, table: str) -> str:
    """The page's HTML. What comes from file names is escaped; only the page's own script and style run, by hash."""
    parts = {name: _part(f"review.{name}") for name in ("css", "js")}
    doubts = [(row, number) for row, form in enumerate(forms) for number, a in enumerate(form.answers) if a.doubtful]
    failed = [form for form in forms if form.error]
    rows = [csv_table.columns(template), *(csv_table.row(form, template) for form in forms)]
    values = {
        "css_hash": _hash(parts["css"]),
        "js_hash": _hash(parts["js"]),
        "headline": _headline(len(doubts), len(failed)),
        "summary": _summary(forms),
        "doubts": "\n".join(_doubt(forms[row], row, number) for row, number in doubts),
        "failed": _failed(failed),
        "hidden": "" if doubts else " hidden",
        "data": json.dumps({"name": table, "rows": rows}, ensure_ascii=True).replace("<", "\\u003c"),
    }
    return Text(_part("review.html")).substitute(values | parts)


def _part(name: str) -> str:
    return (resources.files("inkdigit.forms") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _headline(doubts: int, failed: int) -> str:
    if doubts:
        return f"{doubts} {'field' if doubts == 1 else 'fields'} to look at"
    return "No field was read" if failed else "Nothing is doubtful"


def _summary(forms: Sequence[Form]) -> str:
    fields, read = sum(len(form.answers) for form in forms), sum(not form.error for form in forms)
    pictures = f"{len(forms)} {'picture' if len(forms) == 1 else 'pictures'}"
    sure = fields - sum(a.doubtful for form in forms for a in form.answers)
    return f"{pictures}, {read} read. Of {fields} fields {sure} are sure and not shown here."


def _doubt(form: Form, row: int, number: int) -> str:
    """The HTML of one field: its picture, what was read, and other readings to choose from."""
    answer = form.answers[number]
    name, choice = html.escape(answer.field.name), answer.choice
    label = f"{name} in {html.escape(form.name)}"
    source = base64.b64encode(answer.picture).decode()
    note = html.escape(choice.problem or "") or f"{_percent(choice.confidence)} sure"
    others = "".join(
        f'<button type="button" value="{text}"><b>{_compared(text, choice.text)}</b> {_percent(share)}</button>'
        for text, share in choice.others
    )
    others = f'<p class="others"><span>or</span>{others}</p>' if others else ""
    return f"""<li class="doubt" data-row="{row + 1}" data-column="{2 * number + 1}" {_rule(answer)}>
<h2>{name} <small>{html.escape(form.name)}</small></h2>
<img src="data:image/png;base64,{source}" alt="What is written: {label}">
<div class="reading"><label><span class="unseen">{label}</span>
<input type="text" value="{choice.text}" inputmode="numeric" autocomplete="off" spellcheck="false"
 aria-describedby="n{row}-{number}"></label>
<p class="note" id="n{row}-{number}">{note}</p>
<button type="button" class="right">Right</button></div>{others}
</li>"""


def _compared(text: str, read: str) -> str:
    """The HTML of another reading; where it has the same length, the digits that differ are marked."""
    if len(text) != len(read):
        return text
    return "".join(one if one == other else f"<i>{one}</i>" for one, other in zip(text, read, strict=True))


def _rule(answer: Answer) -> str:
    """The field's pattern, which the page compares corrections with; it does not compute check digits."""
    rule: Rule = answer.field.rule
    sets = "".join("[0-9]" if allowed == DIGITS else f"[{''.join(sorted(allowed))}]" for allowed in rule.allowed or ())
    pattern = sets or "[0-9]*"
    return f'data-pattern="{f"({pattern})?" if answer.field.optional else pattern}"'


def _percent(share: float) -> str:
    """A probability -> HTML; what is not certain is not shown as 100.0 %."""
    if share >= 0.9995:
        return "&gt;99.9 %"
    return f"{100 * share:.1f} %" if share >= 0.001 else "&lt;0.1 %"


def _failed(failed: Sequence[Form]) -> str:
    if not failed:
        return ""
    items = "".join(f"<li>{html.escape(form.error or '')}</li>" for form in failed)
    return f'<section class="failed"><h2>Not read</h2><ul>{items}</ul></section>'
