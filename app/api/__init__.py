"""The API: the same verbs as the pages, as JSON, described by OpenAPI."""
