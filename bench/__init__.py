"""The benchmarks: what a page costs here, as a multiple of what the bare tools cost. `make bench` runs them."""
