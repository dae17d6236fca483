"""Introspection of the supplier's schema: the request, and the conversion of its answer to a view."""

from typing import Annotated

import msgspec

from inventory.suppliers.nivoda.documents import SupplierOperation
from inventory.suppliers.nivoda.schema_view import Input, Output, SchemaView

_TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }"
_DEEPEST_TYPE = 8


class _TypeRef(msgspec.Struct, rename="camel"):
    kind: str
    name: str | None = None
    of_type: "_TypeRef | None" = None

    def text(self, depth: int = 0) -> str:
        """Format the type in SDL."""
        inner = self.of_type.text(depth + 1) if self.of_type and depth < _DEEPEST_TYPE else ""
        return {"NON_NULL": f"{inner}!", "LIST": f"[{inner}]"}.get(self.kind, self.name or "")


class _InputValue(msgspec.Struct, rename="camel"):
    name: str
    type: _TypeRef
    default_value: str | None = None

    def value(self) -> Input:
        text = self.type.text()
        return Input(text, text.endswith("!") and self.default_value is None)


class _Field(msgspec.Struct):
    name: str
    type: _TypeRef
    args: list[_InputValue] = []


class _EnumValue(msgspec.Struct):
    name: str


class _Kind(msgspec.Struct, rename="camel"):
    kind: str
    name: str
    fields: list[_Field] | None = None
    input_fields: list[_InputValue] | None = None
    enum_values: list[_EnumValue] | None = None


class _Named(msgspec.Struct):
    name: str


class _SchemaPayload(msgspec.Struct, rename="camel"):
    query_type: _Named
    types: Annotated[list[_Kind], msgspec.Meta(min_length=1)]
    mutation_type: _Named | None = None


class Introspected(msgspec.Struct, rename={"schema": "__schema"}):
    """Data of the answer."""

    schema: _SchemaPayload

    def view(self) -> SchemaView:
        """Convert the schema to a view."""
        kinds = self.schema.types
        return SchemaView(
            query=self.schema.query_type.name,
            mutation=self.schema.mutation_type.name if self.schema.mutation_type else None,
            objects={
                kind.name: {
                    field.name: Output(field.type.text(), {value.name: value.value() for value in field.args})
                    for field in kind.fields or ()
                }
                for kind in kinds
                if kind.kind in {"OBJECT", "INTERFACE", "UNION"}
            },
            inputs={
                kind.name: {value.name: value.value() for value in kind.input_fields or ()}
                for kind in kinds
                if kind.kind == "INPUT_OBJECT"
            },
            enums={
                kind.name: frozenset(value.name for value in kind.enum_values or ())
                for kind in kinds
                if kind.kind == "ENUM"
            },
        )


INTROSPECT = SupplierOperation(
    "introspection",
    f"""
    query Introspect {{
      __schema {{
        queryType {{ name }}
        mutationType {{ name }}
        types {{
          kind name
          fields(includeDeprecated: true) {{
            name
            args {{ name defaultValue type {{ {_TYPE} }} }}
            type {{ {_TYPE} }}
          }}
          inputFields {{ name defaultValue type {{ {_TYPE} }} }}
          enumValues(includeDeprecated: true) {{ name }}
        }}
      }}
    }}
    """,
    Introspected,
)
