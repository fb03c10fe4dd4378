import Refrain
import RefrainData

/// Explanations as one page of HTML that needs nothing else: no network, no other file. It is light or dark as the
/// reader's system is, and works with the keyboard and a screen reader.
public struct ExplanationPage: Sendable {
  /// The page's heading.
  public var title: String
  /// A line below it, such as the model's file.
  public var subtitle: String
  /// What is shown, one below the other.
  public var explanations: [Explanation]
  /// What is shown of two examples together, below them.
  public var comparison: ExplanationComparison?
  /// What is shown of all examples together, below that.
  public var overview: [Exhibit] = []

  /// A page.
  public init(title: String, subtitle: String, explanations: [Explanation]) {
    self.title = title
    self.subtitle = subtitle
    self.explanations = explanations
  }

  /// The parts below the explanations: an anchor, a heading, and what stands there.
  private var sections: [(anchor: String, title: String, exhibits: [Exhibit])] {
    [
      ("comparison", "The two examples together", comparison?.exhibits ?? []),
      ("overview", "The whole file", overview),
    ].filter { !$0.exhibits.isEmpty }
  }

  /// The text of the file.
  public var text: String {
    let several = explanations.count + sections.count > 1
    var list = explanations.enumerated().map { index, one in
      "<li><a href=\"#example-\(index)\">\(escapedHTML(one.title)), \(escapedHTML(one.output))</a></li>"
    }
    list += sections.map { "<li><a href=\"#\($0.anchor)\">\(escapedHTML($0.title))</a></li>" }
    let parts = sections.map { section in
      """
      <article id="\(section.anchor)" aria-labelledby="\(section.anchor)-title">
      <h2 id="\(section.anchor)-title">\(escapedHTML(section.title))</h2>
      \(section.exhibits.map { $0.markup(level: 3) }.joined(separator: "\n"))
      </article>
      """
    }
    let body = """
      \(several ? "<nav aria-label=\"Examples\"><ul>\(list.joined())</ul></nav>" : "")
      <main>
      \(explanations.enumerated().map { ExplanationArticle($1, number: $0).text }.joined(separator: "\n"))
      \(parts.joined(separator: "\n"))
      </main>
      <footer><p><strong>\(escapedHTML(Explanation.caution))</strong></p></footer>
      """
    return HTMLPage(
      title: title, subtitle: subtitle, body: body, style: HeatMap.style + "\n" + FilmStrip.style, script: Self.script
    ).text
  }

  /// Tabs as the ARIA practices have them: arrows move, the panel follows.
  private static let script = """
    for (const list of document.querySelectorAll('[role=tablist]')) {
      const tabs = [...list.querySelectorAll('[role=tab]')];
      const choose = (tab, focus) => {
        for (const other of tabs) {
          const chosen = other === tab;
          other.setAttribute('aria-selected', chosen);
          other.tabIndex = chosen ? 0 : -1;
          document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
        }
        if (focus) tab.focus();
      };
      list.addEventListener('click', event => {
        const tab = event.target.closest('[role=tab]');
        if (tab) choose(tab, false);
      });
      list.addEventListener('keydown', event => {
        const place = tabs.indexOf(document.activeElement);
        const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (place < 0 || next === undefined) return;
        event.preventDefault();
        choose(tabs[(next + tabs.length) % tabs.length], true);
      });
    }
    """
}
