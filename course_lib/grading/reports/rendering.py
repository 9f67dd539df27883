"""Pages from the templates in ``templates/``: what is put in is escaped, and what is left out is an error."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, **values: object) -> str:
    """The page that ``templates/<template>.html.j2`` makes of the values."""
    return _ENVIRONMENT.get_template(f"{template}.html.j2").render(values)
