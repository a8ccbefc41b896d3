"""Whatever people write, nothing of it acts on the page, and nothing takes long."""

import time
from html.parser import HTMLParser

import pytest

from app.errors import Invalid
from app.web.markdown import LONGEST, names_in, render_markdown

TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "ul", "ol", "li"),
    *("strong", "em", "s", "a", "img", "table", "thead", "tbody", "tr", "th", "td", "input"),
}
ATTRIBUTES = {
    *("href", "title", "rel", "class", "src", "alt", "loading", "start", "align"),
    *("type", "checked", "disabled", "aria-label", "tabindex"),
}
OUR_CLASSES = {"mention", "reference", "task-list-item", "contains-task-list"}

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' style='x' class='btn' id='main'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=//evil.example>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<form action=/sign-out method=post><button>x</button></form>",
    "<button popovertarget=keys>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<textarea name=csrf_token>",
    "<details open ontoggle=alert(1)>",
    "<video src=x onerror=alert(1)>",
    "<div hx-get='/sign-out' hx-trigger='load'>x</div>",
    "<div data-hx-post='/x' data-hx-trigger='load'>x</div>",
    "<div hx-on:click='alert(1)'>x</div>",
    "<hx-partial hx-target='#main'>x</hx-partial>",
    "<div hx-swap-oob='true' id='status'>x</div>",
    "<li data-live-topic='issue:1' data-live-seq='0'>x</li>",
    "<a href=javascript:alert(1)>x</a>",
    "<a id=main name=keys>x</a>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<p class='toast sheet'>x</p>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://x/y)",
    "[x](<javascript:alert(1)>)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '![x" onerror="alert(1)](http://x.example/a.png)',
    '![x](http://x.example/a.png" onerror="alert(1))',
    '[x](http://x.example/" onclick="alert(1))',
    '[x](http://x.example "title\\" onmouseover=\\"alert(1)")',
    "[x](http://x.example '\" style=\"x')",
    "![x](/attachments/../sign-out)",
    '![x](/attachments/1"onload=alert(1))',
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```"onclick=alert(1)\nx\n```',
    "```py btn toast\nx\n```",
    "`</code><script>alert(1)</script>`",
    "| <script> | b |\n|---|---|\n| <img onerror=x src=y> | `<b>` |",
    "- [ ] <input onfocus=alert(1) autofocus>",
    "@<script>alert(1)</script>",
    '@juno"onclick=alert(1)',
    "ORC-1<img src=x onerror=alert(1)>",
    'www.x.example/"onmouseover=alert(1)',
    "https://x.example/<script>",
    'https://x.example/?a="><svg onload=alert(1)>',
    "\u202ereversed @juno\u202c",
    "# <a id=main>x</a>",
    "Setext <b onclick=x>\n===",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)</script>",
]


class Reader(HTMLParser):
    """What a browser would find in the HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def mention(username: str) -> str | None:
    return f"/people/{username}" if username in {"juno", "otis.wren"} else None


def reference(key: str | None, number: int) -> str | None:
    return f"/issues/{key or 'ORC'}-{number}" if key in (None, "ORC") else None


def render(text: str, under: int = 3) -> str:
    return render_markdown(text, mention=mention, reference=reference, under=under).html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    reader = Reader()
    reader.feed(render(text))
    for tag, attributes in reader.tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        classes = set((attributes.get("class") or "").split())
        assert all(one in OUR_CLASSES or one.startswith("language-") for one in classes)
        href = attributes.get("href") or ""
        assert not href or href.startswith(("http://", "https://", "mailto:", "/", "#"))
        assert (attributes.get("src") or "/attachments/").startswith("/attachments/")
        if href.startswith(("http", "mailto", "//")):
            assert attributes["rel"] == "noopener nofollow ugc"
        if tag == "input":
            assert "disabled" in attributes


SLOW = {
    "quotes": "> " * 20_000,
    "brackets": "[" * 40_000,
    "images": "![](" * 12_000,
    "stars": "*a " * 15_000,
    "stars and underscores": "*_" * 20_000,
    "backticks": "`" * 40_000,
    "backticks of many lengths": " ".join("`" * n for n in range(1, 250)),
    "angles": "<" * 40_000,
    "links": "[a](b" * 8_000,
    "tables": "|a" * 5_000 + "\n" + "|-" * 5_000 + "\n" + "|b" * 5_000,
    "lists": "- " * 20_000,
    "nested lists": "".join("  " * n + "- a\n" for n in range(150)),
    "addresses": "www." * 12_000,
    "mails": "a@b." * 12_000,
    "mentions": "@juno " * 8_000,
    "names": " ".join(f"@p{n}" for n in range(8_000)),
    "issues": "#1 ORC-2 " * 5_000,
    "entities": "&#x41;" * 8_000,
    "references": "".join(f"[a{n}]: /b\n" for n in range(4_000)),
    "headings": "# a\n" * 10_000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    render(text[: LONGEST - 1])
    assert time.process_time() - began < 3.0


def test_a_text_over_64_kilobytes_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        render("ü" * (LONGEST // 2 + 1))
    assert refused.value.field == "body"


def test_people_and_issues_are_linked_and_told() -> None:
    found = render_markdown("@Juno, see ORC-7 and (#9). @otis.wren.", mention=mention, reference=reference)
    assert '<a href="/people/juno" class="mention">@Juno</a>' in found.html
    assert '<a href="/issues/ORC-7" class="reference">ORC-7</a>' in found.html
    assert '<a href="/issues/ORC-9" class="reference">#9</a>' in found.html
    assert found.mentions == ("juno", "otis.wren")
    assert found.references == (("ORC", 7), (None, 9))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a@juno.example",
            "`@juno #7`",
            "[@juno](http://x.example)",
            "http://x.example/@juno",
            "x@juno",
            "@@juno",
        ),
        *(
            "@nobody",
            "NOPE-7",
            "ORC-0",
            "ORC-07",
            "orc-7",
            "xORC-7",
            "ORC-7x",
            "a#7",
            "#7a",
            "&#7;",
            "/#7",
            "#0",
        ),
        *("```\n@juno ORC-7\n```", "    @juno #7", "ORC-7-8", "CVE-2026-1234", "<http://x.example/ORC-7>"),
    ],
)
def test_what_only_looks_like_a_name_stays_text(text: str) -> None:
    found = render_markdown(text, mention=mention, reference=reference)
    assert (found.mentions, found.references) == ((), ())


def test_each_name_is_asked_for_once_and_only_a_hundred_of_them() -> None:
    asked: list[str] = []
    render_markdown(" ".join(f"@p{n} @P{n}" for n in range(300)), mention=asked.append)
    assert len(asked) == len(set(asked)) == 100


def test_names_are_known_before_so_that_one_query_loads_them() -> None:
    people, issues = names_in("@Juno and `@otis` see ORC-7, #9")
    assert people == {"juno", "otis"}
    assert issues == {("ORC", 7), (None, 9)}


def test_headings_fit_below_the_place_where_the_text_stands() -> None:
    assert "".join(f"<{tag}>" for tag, _ in _tags("### a\n# b\n### c")) == "<h4><h4><h5>"
    assert [tag for tag, _ in _tags("# a\n## b\n###### c\n## d", under=1)] == ["h2", "h3", "h4", "h3"]
    assert [tag for tag, _ in _tags("# a\n## b\n### c\n#### d")] == ["h4", "h5", "h6", "h6"]


def test_the_usual_marks_work() -> None:
    html = render(
        "**b** *i* ~~s~~ `c`\n\n- [x] done\n- [ ] open\n\n|a|b|\n|:-|-:|\n|1|2|\n\n```py\nx\n```\n\n> q"
    )
    for part in (
        *(
            "<strong>b</strong>",
            "<em>i</em>",
            "<s>s</s>",
            "<code>c</code>",
            'aria-label="Done"',
            'aria-label="To do"',
        ),
        *('<td align="right">2</td>', '<code class="language-py">', '<pre tabindex="0">', "<blockquote>"),
    ):
        assert part in html


def test_pictures_from_elsewhere_are_links_and_ours_are_pictures() -> None:
    assert render("![a cat](http://x.example/c.png)") == (
        '<p><a href="http://x.example/c.png" rel="noopener nofollow ugc">a cat</a></p>\n'
    )
    assert '<img src="/attachments/5/c.png" alt="a cat" loading="lazy">' in render(
        "![a cat](/attachments/5/c.png)"
    )
    assert "<a" in render("[![a](http://x.example/c.png)](http://y.example)")
    assert render("[![a](http://x.example/c.png)](http://y.example)").count("<a ") == 1


def _tags(text: str, under: int = 3) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(render(text, under))
    return reader.tags
