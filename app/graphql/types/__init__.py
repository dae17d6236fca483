"""What the schema shows: its types, inputs and enums, each made of a slice's own values."""
