"""Reading and joining tables: what every data step needs of a source."""
