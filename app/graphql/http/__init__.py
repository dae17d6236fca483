"""How a request gets in, is limited, paid for and executed, and how answers go out: once, or as long as events come."""
