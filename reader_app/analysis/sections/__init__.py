"""The sections of the result document, each made from a :class:`~reader_app.analysis.sections.context.Context`."""
