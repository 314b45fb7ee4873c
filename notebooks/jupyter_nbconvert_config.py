"""How `make notebooks` makes pages: executed anew, one file each, nothing from a network."""

c = get_config()  # noqa: F821

c.NbConvertApp.export_format = "html"
c.ExecutePreprocessor.enabled = True
c.ExecutePreprocessor.startup_timeout = 180
c.ExecutePreprocessor.timeout = 240
for name in ("mathjax_url", "require_js_url", "jquery_url"):
    setattr(c.HTMLExporter, name, "")
