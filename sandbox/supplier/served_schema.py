"""Served schema: a version of the published types, with members optionally removed or renamed."""

from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

import msgspec
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_ast_schema,
    parse,
)

Version = Literal["2024", "2026"]
VERSIONS: tuple[Version, ...] = get_args(Version)

# Published types with their sources. The client and the simulator use the same copy.
_DIRECTORY = files("inventory.suppliers.nivoda") / "schema"
_STORED = "stored"


class SchemaOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the served schema.

    `without` removes fields, input fields and enum values (`Type.member`). `rename` serves a member under another name
    (`Type.member=name`). Without `introspection`, a request that selects `__schema` or `__type` is rejected. `messages`:
    library whose wording validation errors use.
    """

    version: Version = "2026"
    without: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()
    introspection: bool = True
    messages: Literal["graphql-js", "graphql-core"] = "graphql-js"


class ServedSchema:
    """Executable schema with its options."""

    def __init__(self, options: SchemaOptions) -> None:
        """Build the schema.

        Raises:
            ValueError: `without` or `rename` names a member that the version does not have.
        """
        self.options = options
        self.plain = not (options.without or options.rename)
        """Whether all generated values are valid without completion: no member is removed or renamed."""
        self.graphql = _published(options.version) if self.plain else _changed(options)

    def object_type(self, name: str) -> GraphQLObjectType:
        kind = self.graphql.type_map[name]
        if not isinstance(kind, GraphQLObjectType):
            raise TypeError(f"{name} is not an object type")
        return kind


def stored_name(field: GraphQLField, name: str) -> str:
    """Stored name of a field that is served as `name`."""
    stored: str = field.extensions.get(_STORED, name)
    return stored


def published_types(version: Version) -> str:
    """SDL text of the published types of a version."""
    names = ["published-2024.graphql"] + (["additions-2026.graphql"] if version == "2026" else [])
    return "\n".join((_DIRECTORY / name).read_text(encoding="utf-8") for name in names)


@lru_cache(len(VERSIONS))
def _document(version: Version) -> DocumentNode:
    return parse(published_types(version), no_location=True)


@lru_cache(len(VERSIONS))
def _published(version: Version) -> GraphQLSchema:
    return build_ast_schema(_document(version))


def _changed(options: SchemaOptions) -> GraphQLSchema:
    schema = build_ast_schema(_document(options.version))
    for text in options.without:
        kind, member = _member(schema, text)
        _replace(kind, member, None)
    for text in options.rename:
        old, _, new = text.partition("=")
        kind, member = _member(schema, old)
        if not new.isidentifier():
            raise ValueError(f"{text!r} is not a member with its new name. Use the form Type.member=name")
        _replace(kind, member, new)
    return schema


Kind = GraphQLObjectType | GraphQLInputObjectType | GraphQLEnumType


def _member(schema: GraphQLSchema, text: str) -> tuple[Kind, str]:
    name, _, member = text.partition(".")
    kind = schema.type_map.get(name)
    if isinstance(kind, Kind) and member in _members(kind):
        if len(_members(kind)) > 1:
            return kind, member
        raise ValueError(f"{text} is the only member of its type and cannot be removed or renamed")
    raise ValueError(
        f"{text!r} is not a member of an object, input or enum type of the schema. Use the form Type.member"
    )


def _members(kind: Kind) -> dict[str, Any]:
    members: dict[str, Any] = kind.values if isinstance(kind, GraphQLEnumType) else kind.fields
    return members


def _replace(kind: Kind, member: str, new: str | None) -> None:
    """Rename a member, or remove it if `new` is None."""
    members = _members(kind)
    before = dict(members)
    members.clear()
    for name, value in before.items():
        if name != member:
            members[name] = value
        elif new is not None:
            members[new] = value
            # An enum value keeps its stored value; fields and input fields need the stored name.
            if isinstance(kind, GraphQLObjectType):
                value.extensions = {_STORED: stored_name(value, member)}
            elif isinstance(kind, GraphQLInputObjectType):
                value.out_name = value.out_name or member
