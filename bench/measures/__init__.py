"""One benchmark in each file: a title, what the work is, and `measure(place)`."""
