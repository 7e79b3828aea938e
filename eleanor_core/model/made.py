"""How values of the model are made in a fraction of the time that attrs takes.

A frozen class sets each field through `object.__setattr__`, which takes twenty times as long as an
assignment, and a judgement makes some forty values. So here fields are assigned to a twin of the
class, which is not frozen and has the same layout; once all are set, the twin becomes the class.
The functions that do so are compiled from source, as the `__init__` of attrs is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import update_wrapper
from typing import ParamSpec, TypeVar, cast

from attrs import NOTHING, Attribute, AttrsInstance, Factory, fields

P = ParamSpec("P")
T = TypeVar("T")


def quick(form: type[T]) -> type[T]:
    """Give the frozen class `form` an `__init__` that does what its own does, in half the time.

    Stands above `@frozen(kw_only=True)`. A check that knows by an expression what is plainly right
    (its `plain`) is called for anything else alone. Subclasses have attrs' own `__init__`.
    """
    cls = cast("type[AttrsInstance]", form)
    known: dict[str, object] = {"own": cls.__init__, "turn": object.__dict__["__class__"].__set__}
    passed = ", ".join(f"{item.name}={item.name}" for item in fields(cls))
    after = ["    self.__attrs_post_init__()"] if hasattr(cls, "__attrs_post_init__") else []
    init = _compiled(
        cls,
        "self, *, ",
        [
            "    if type(self) is not form:",
            f"        return own(self, {passed})",
            "    turn(self, twin)",
            *_assignments("self", cls, known),
            *[line for item in fields(cls) for line in _checked(item, known)],
            *after,
        ],
        known,
    )
    cls.__init__ = update_wrapper(init, cls.__init__)  # type: ignore[method-assign] # its purpose
    return form


def unchecked(form: Callable[P, T]) -> Callable[P, T]:
    """Return what makes a `form` as calling it would, in a fifth of the time, without any check.

    Give only what is known to be valid.
    """
    cls = cast("type[AttrsInstance]", form)
    known: dict[str, object] = {}
    body = ["    made = twin()", *_assignments("made", cls, known), "    return made"]
    return cast("Callable[P, T]", _compiled(cls, "*, ", body, known))


def speaks(*names: str) -> Callable[[object], object]:
    """Return what tells whether one of these attributes is not empty; `any` takes twice as long."""
    source = f"lambda value: {said(names)}"
    return cast("Callable[[object], object]", eval(source))  # noqa: S307 -- our fields # nosec B307


def said(names: Iterable[str]) -> str:
    """Return the expression of `value` that is true where one of its attributes is not empty."""
    return " or ".join(f"value.{name}" for name in names) or "False"


def _assignments(made: str, cls: type[AttrsInstance], known: dict[str, object]) -> Iterator[str]:
    """Yield the lines that set all fields of the twin `made`, and make it one of the class."""
    for item in fields(cls):
        given = item.name
        if isinstance(item.default, Factory):  # type: ignore[arg-type] # a class, typed as a function
            known[f"make_{given}"] = item.default.factory
            whose = made if item.default.takes_self else ""
            given = f"make_{given}({whose}) if {given} is NOTHING else {given}"
        yield f"    {made}.{item.name} = {given}"
    yield f"    {made}.__class__ = form"


def _checked(item: Attribute[object], known: dict[str, object]) -> Iterator[str]:
    """Yield the lines that check a field as its validator does."""
    if item.validator is None:
        return
    name = item.name
    known |= {f"check_{name}": item.validator, f"attribute_{name}": item}
    plain: str = getattr(item.validator, "plain", "False")
    yield f"    if not ({plain.format(f'self.{name}')}):"
    yield f"        check_{name}(self, attribute_{name}, self.{name})"


def _compiled(
    cls: type[AttrsInstance], first: str, body: list[str], known: dict[str, object]
) -> Callable[..., None]:
    parameters: list[str] = []
    for item in fields(cls):
        if item.default is NOTHING:
            parameters.append(item.name)
            continue
        made = isinstance(item.default, Factory)  # type: ignore[arg-type] # as above
        known[f"default_{item.name}"] = NOTHING if made else item.default
        parameters.append(f"{item.name}=default_{item.name}")
    twin = type(
        cls.__name__,
        (cls,),
        {
            "__slots__": (),
            "__init__": object.__init__,
            # Both: with one of them inherited, neither would be the interpreter's own.
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )
    known |= {"form": cls, "twin": twin, "NOTHING": NOTHING}
    source = "\n".join((f"def {cls.__name__}({first}{', '.join(parameters)}):", *body))
    exec(source, known)  # noqa: S102 -- our fields' names and checks # nosec B102
    return cast("Callable[..., None]", known[cls.__name__])
