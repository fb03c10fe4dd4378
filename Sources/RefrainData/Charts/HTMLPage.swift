/// A page of HTML that needs nothing else: no network, no other file. It is light or dark as the reader's system is.
package struct HTMLPage {
  /// The heading.
  package var title: String
  /// A line below it.
  package var subtitle: String
  /// What stands below the heading, in HTML.
  package var body: String
  /// Rules of style besides the usual ones.
  package var style = ""
  /// A script that the page runs.
  package var script = ""

  /// A page.
  package init(title: String, subtitle: String, body: String, style: String = "", script: String = "") {
    (self.title, self.subtitle, self.body, self.style, self.script) = (title, subtitle, body, style, script)
  }

  /// The text of the file.
  package var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escapedHTML(title))</title>
    <style>
    \(Self.style)
    \(style)
    </style>
    </head>
    <body>
    <header><h1>\(escapedHTML(title))</h1><p>\(escapedHTML(subtitle))</p></header>
    \(body)
    \(script.isEmpty ? "" : "<script>\n\(script)\n</script>")
    </body>
    </html>

    """
  }

  private static let style = """
    :root {
      --ground: #ffffff; --panel: #f6f7f9; --ink: #1b1f24; --soft: #5a6370; --line: #d5dae1;
      --plus: 200 84 16; --minus: 36 100 190; --accent: #2464be; --other: #8a93a0;
    }
    .words { --plus: 214 100 36; --minus: 70 130 214; }
    @media (prefers-color-scheme: dark) {
      :root {
        --ground: #14171b; --panel: #1c2026; --ink: #e7eaee; --soft: #a0a9b5; --line: #363d47;
        --plus: 255 150 84; --minus: 110 170 255; --accent: #7fb2ff; --other: #77818f;
      }
      .words { --plus: 178 84 28; --minus: 52 104 188; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 1080px; padding: 24px; background: var(--ground); color: var(--ink);
      font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.3rem; margin: 0 0 4px; }
    h3 { font-size: 1.05rem; margin: 28px 0 8px; }
    header p, .note { color: var(--soft); margin: 4px 0 12px; }
    article { border-top: 1px solid var(--line); margin-top: 28px; padding-top: 20px; }
    a { color: var(--accent); }
    .sum { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 12px 0; padding: 0; list-style: none; }
    .sum b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
    .sum span { color: var(--soft); font-size: .9rem; }
    [role=tablist] { display: flex; flex-wrap: wrap; gap: 4px; border-bottom: 1px solid var(--line); }
    [role=tab] { font: inherit; color: var(--soft); background: none; border: 0; border-bottom: 3px solid transparent;
      padding: 8px 12px; cursor: pointer; }
    [role=tab][aria-selected=true] { color: var(--ink); border-color: var(--accent); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    [role=tabpanel] { background: var(--panel); padding: 16px; border-radius: 0 0 8px 8px; }
    svg { display: block; width: 100%; height: auto; }
    svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
    .frame { fill: var(--ground); stroke: var(--line); }
    .grid { stroke: var(--line); fill: none; }
    .plus { fill: rgb(var(--plus)); } .minus { fill: rgb(var(--minus)); }
    .ordered { stroke: var(--accent); fill: none; stroke-width: 2.5; }
    .random { stroke: var(--other); fill: none; stroke-width: 2; stroke-dasharray: 5 4; }
    .unit { fill: var(--accent); fill-opacity: .55; }
    .p1,.n1{fill-opacity:.12}.p2,.n2{fill-opacity:.24}.p3,.n3{fill-opacity:.36}.p4,.n4{fill-opacity:.48}
    .p5,.n5{fill-opacity:.6}.p6,.n6{fill-opacity:.72}.p7,.n7{fill-opacity:.86}.p8,.n8{fill-opacity:1}
    .words { line-height: 2; max-height: 28rem; overflow-y: auto; overflow-wrap: anywhere; }
    .words span { padding: 2px 3px; border-radius: 3px; }
    .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 16px; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
    .wide { overflow-x: auto; }
    th, td { text-align: right; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line); font-weight: normal; }
    th:first-child, td:first-child, .text { text-align: left; } thead th { color: var(--soft); font-size: .9rem; }
    footer { border-top: 1px solid var(--line); margin-top: 32px; padding-top: 12px; }
    """

  /// A number for people, with about three significant digits; a whole one, such as a count, with all of its own.
  package static func short(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "−∞" }
    let size = abs(value)
    if size < 1e6, value == value.rounded() { return "\(Int(value))".replacing("-", with: "−") }
    if size >= 1e6 || size < 1e-3 {
      var (mantissa, exponent) = (value, 0)
      while abs(mantissa) >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
      while abs(mantissa) < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
      return "\((mantissa * 10).rounded() / 10)e\(exponent)".replacing("-", with: "−")
    }
    let scale: Double = size >= 100 ? 1 : size >= 10 ? 10 : size >= 1 ? 100 : 1000
    let rounded = (value * scale).rounded() / scale
    return (scale == 1 ? "\(Int(rounded))" : "\(rounded)").replacing("-", with: "−")
  }
}

/// A text that HTML takes for nothing else.
package func escapedHTML(_ text: String) -> String {
  var result = ""
  for character in text.onOneLine {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}
