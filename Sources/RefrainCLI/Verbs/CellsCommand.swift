import ArgumentParser
import Refrain

/// `refrain cells`: what cells there are.
struct CellsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cells",
    abstract: "List the recurrent cells.",
    discussion: """
      Of each cell its name, how many parameters it has for an input of size I and an output of size H, what it is \
      for, and where its formula comes from. The formulas stand in the documentation of the library.
      """)

  func run() throws {
    var text = "I is the size of the input, H that of the output.\n"
    for cell in Cells.all {
      text += "\n\(cell.name)\n"
      let purpose = [cell.purpose, cell.lastColumn.map { "the last column is \($0)" } ?? ""].filter { !$0.isEmpty }
      let facts = [
        ("parameters", ParameterFormula(of: cell)?.description ?? "by its options"),
        ("for", purpose.joined(separator: "; ")), ("source", cell.source),
      ]
      for (name, fact) in facts where !fact.isEmpty {
        text += "  \(name)" + String(repeating: " ", count: 12 - name.count) + "\(fact)\n"
      }
    }
    try StandardOutput.write(text)
  }
}

/// How many parameters a cell has, as a polynomial in the size I of its input and H of its output.
struct ParameterFormula: CustomStringConvertible {
  /// The factors of I·H, H², H, I and 1.
  private let factors: [(factor: Int, term: String)]

  /// Found from cells of some sizes; nil where it does not hold for another one. The sizes are multiples of 12, as
  /// heads divide them.
  init?<Cell: RecurrentCell>(of cell: Cell.Type) {
    func count(_ inputSize: Int, _ hiddenSize: Int) -> Int {
      var generator = RandomGenerator(seed: 0)
      return Cell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator).parameterCount
    }
    let (small, middle, large) = (count(2, 12), count(2, 24), count(2, 36))
    let (wide, wideMiddle) = (count(3, 12), count(3, 24))
    let both = (wideMiddle - middle - (wide - small)) / 12
    let input = wide - small - 12 * both
    let square = (large - 2 * middle + small) / 288
    let hidden = (middle - small) / 12 - 36 * square - 2 * both
    let constant = small - 144 * square - 12 * hidden - 24 * both - 2 * input
    factors = [(both, "IH"), (square, "H²"), (hidden, "H"), (input, "I"), (constant, "")]
    guard value(inputSize: 5, hiddenSize: 48) == count(5, 48) else { return nil }
  }

  /// The number for given sizes.
  func value(inputSize: Int, hiddenSize: Int) -> Int {
    zip(factors, [inputSize * hiddenSize, hiddenSize * hiddenSize, hiddenSize, inputSize, 1])
      .reduce(0) { $0 + $1.0.factor * $1.1 }
  }

  var description: String {
    var text = ""
    for (factor, term) in factors where factor != 0 {
      let sign = text.isEmpty ? (factor < 0 ? "−" : "") : factor < 0 ? " − " : " + "
      let number = abs(factor) == 1 && !term.isEmpty ? "" : "\(abs(factor))"
      text += sign + number + term
    }
    return text
  }
}
