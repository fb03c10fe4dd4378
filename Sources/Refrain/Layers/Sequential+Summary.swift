extension Sequential {
  /// A table of the layers with their output shapes and numbers of parameters.
  public var summary: String {
    var rows = [["Layer", "Output shape", "Parameters"]]
    var shape = inputShape
    for (index, layer) in layers.enumerated() {
      shape = (try? layer.outputShape(for: shape)) ?? []
      rows.append(["\(index) \(kind(of: layer))", shapeText(shape), grouped(layer.parameterCount)])
    }
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max()! }
    let lines = rows.map { row in
      [
        row[0].padded(to: widths[0]), row[1].padded(to: widths[1]), row[2].padded(to: widths[2], atEnd: false),
      ].joined(separator: "  ")
    }
    let rule = String(repeating: "─", count: widths.reduce(4, +))
    let total = "Total parameters: \(grouped(parameterCount)) (\(bytesText(parameterCount * 4)))"
    return ([lines[0], rule] + lines.dropFirst() + [rule, total]).joined(separator: "\n")
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }
}

/// 1234567 as "1,234,567".
private func grouped(_ number: Int) -> String {
  let digits = String(number)
  return String(
    digits.enumerated().flatMap { index, digit in
      index > 0 && (digits.count - index) % 3 == 0 ? [",", digit] : [digit]
    })
}

private func bytesText(_ bytes: Int) -> String {
  if bytes < 1 << 10 { return "\(bytes) bytes" }
  let (unit, divisor) = bytes < 1 << 20 ? ("KB", 1024.0) : ("MB", 1024.0 * 1024)
  return "\((Double(bytes) / divisor * 10).rounded() / 10) \(unit)"
}

extension String {
  /// The text with spaces after it, or before it, up to `width` characters.
  func padded(to width: Int, atEnd: Bool = true) -> String {
    let spaces = String(repeating: " ", count: Swift.max(0, width - count))
    return atEnd ? self + spaces : spaces + self
  }
}
