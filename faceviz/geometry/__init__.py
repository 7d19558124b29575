"""Pure functions on arrays of points: transforms, sampling, neighbours, alignment."""
