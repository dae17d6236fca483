"""Base classes of a section of settings.

Each field of a section is an environment variable: the prefix of the section and the name of the field, in capitals,
or the variable that the field declares.
"""

import inspect
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple, NoReturn, Self

import msgspec

from inventory.core.settings.values import SecretStr, Setting, converted
from inventory.core.tls import Tls


class SettingsError(Exception):
    """A setting is missing or invalid. The message names the variable, the problem and an example."""


class Variable(NamedTuple):
    """The environment variable of a field. `kind`: the type of its value."""

    name: str
    field: str
    kind: Any
    declared: Setting
    default: Any

    @property
    def example(self) -> str:
        """A valid value, as in the environment."""
        example = self.declared.example or self.default
        return str(example).lower() if isinstance(example, bool) else str(example)

    def value(self, given: object, tls: Tls) -> Any:
        """Convert and check a value.

        Raises:
            ValueError: it is not valid; the message is the problem, without the value.
        """
        return converted(self.kind, given, self.declared.limits, tls)

    def problem(self, what: str) -> str:
        """Return a line for operators: the variable, the problem and an example."""
        return f"{self.name}: {what}. Example: {self.name}={self.example}"


def setting(description: str, *, example: str = "", variable: str | None = None, **limits: Any) -> Any:
    """Declare a field of a section.

    Args:
        description: its help text.
        example: a valid value; required without a default.
        variable: the environment variable, if it is not the prefix of the section and the name of the field.
        limits: limits of the value, as in `msgspec.Meta`: `ge`, `gt`, `le`, `pattern`.
    """
    return Setting(description, example, variable, msgspec.Meta(**limits))


class SettingsSection:
    """A section of settings. It is frozen, and secrets appear neither in `repr` nor in logs.

    A section is a subclass with `title` and, for its variables, `prefix`. Each field is `Annotated[type, setting(...)]`
    with a default.
    """

    section_title: ClassVar[str]
    _variables: ClassVar[Mapping[str, Variable]]  # by field

    # Fields that were given by an argument or the environment; the others have their defaults.
    given_fields: frozenset[str]

    def __init_subclass__(cls, *, title: str = "", prefix: str = "") -> None:
        """`title`: heading in the reference. `prefix`: start of the variables' names."""
        super().__init_subclass__()
        cls.section_title = title
        cls._variables = {variable.field: variable for variable in cls._declared(prefix)}

    def __init__(self, *, prefix: str | None = None, **values: Any) -> None:
        """Read the environment. `values` are preferred, by name of the field. `prefix`: instead of the one of the section.

        Raises:
            SettingsError: values are not valid; one line for each.
        """
        variables = self._variables
        if prefix is not None:
            variables = {variable.field: variable for variable in self._declared(prefix)}
        if unknown := values.keys() - variables.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        # Names of variables may be written in small letters, too.
        environment = {name.upper(): text for name, text in os.environ.items()} | os.environ
        given = {
            field: text for field, variable in variables.items() if (text := environment.get(variable.name))
        } | values
        problems, read = list[str](), dict[str, Any]()
        for field, variable in variables.items():  # `tls` is first: addresses are checked with its value
            if field not in given:
                read[field] = variable.default
                continue
            try:
                read[field] = variable.value(given[field], read.get("tls", "require"))
            except ValueError as error:
                problems.append(variable.problem(str(error)))
        if problems:
            raise SettingsError("\n".join(problems))
        self.__dict__.update(read, given_fields=frozenset(given))

    @classmethod
    def variables(cls) -> Iterator[Variable]:
        """Environment variables of this section, in the order of its fields."""
        return iter(cls._variables.values())

    def replace(self, **values: Any) -> Self:
        """Copy the section with other values, which are not checked, by name of the field."""
        return self._copy(values, self.given_fields | (values.keys() & self._variables.keys()))

    def with_defaults(self, **values: Any) -> Self:
        """Copy the section with other values for fields that were not given. They still count as not given."""
        return self._copy(
            {field: value for field, value in values.items() if field not in self.given_fields}, self.given_fields
        )

    def need(self, field: str) -> str:
        """Return the value of a required setting.

        Raises:
            SettingsError: the setting is not set.
        """
        value = getattr(self, field)
        if value is None:
            raise SettingsError(self._variables[field].problem("is not set"))
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Reject the assignment."""
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        """Return the values by field."""
        return f"{type(self).__name__}({', '.join(f'{field}={getattr(self, field)!r}' for field in self._variables)})"

    def _copy(self, values: Mapping[str, Any], given_fields: frozenset[str]) -> Self:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, **values, given_fields=given_fields)
        return copy

    @classmethod
    def _declared(cls, prefix: str) -> Iterator[Variable]:
        """The variables of the fields, those of the base class first."""
        for base in reversed(cls.__mro__):
            for field, kind in inspect.get_annotations(base).items():
                declared = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Setting)]
                if declared:
                    name = declared[0].variable or f"{prefix}{field}".upper()
                    yield Variable(name, field, kind, declared[0], getattr(cls, field))


class ServerSection(SettingsSection):
    """A section with addresses of servers. `tls` is its first field: the addresses are checked with its value."""

    tls: Annotated[
        Tls,
        setting(
            "auto: TLS is required for every server on another machine; require: for all servers; off: for none.",
            variable="TLS",
        ),
    ] = "auto"
