"""What all pages share: nothing is loaded, no script runs, everything from outside is escaped."""

from jinja2 import Environment, StrictUndefined, Template

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
"""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #f5f6f7; margin: 0; }
main { max-width: 46rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0; }
pre, code { font-family: ui-monospace, monospace; }
section, .note { background: #fff; border: 1px solid #d9dde1; border-left: .35rem solid #8c959f; border-radius: .4rem;
  padding: .8rem 1.1rem; margin: 0 0 1rem; }
.quiet { color: #57606a; font-weight: 400; }
footer { color: #57606a; font-size: .85rem; margin: 1.5rem 0; }
"""


def page(title: str, style: str, body: str) -> Template:
    """A template of a whole page; what is put into it is escaped, and what is left out is an error."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(
        f"{_HEAD}<title>{title}</title>\n<style>{_STYLE}{style}</style></head><body><main>\n{body}</main></body></html>\n"
    )
