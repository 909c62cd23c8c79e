"""Finding plugins and loading both halves of them, with the modules beside them."""
