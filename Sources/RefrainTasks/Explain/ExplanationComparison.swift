import Refrain
import RefrainData

/// Two explanations beside each other.
public struct ExplanationComparison: Sendable {
  /// What is compared.
  public let first: Explanation
  /// With what.
  public let second: Explanation

  /// Two explanations of one model.
  public init(_ first: Explanation, _ second: Explanation) { (self.first, self.second) = (first, second) }

  /// What differs: scores, what speaks for each, and what units did.
  public var exhibits: [Exhibit] { [scores, parts, features, units].filter { !$0.isEmpty } }

  private var scores: Exhibit {
    func row(_ name: String, _ value: (Explanation) -> Float) -> [Exhibit.Cell] {
      let (one, other) = (Double(value(first)), Double(value(second)))
      return [.text(name), .number(one), .number(other), .number(other - one)]
    }
    return Exhibit(
      "scores", title: "Two examples",
      note: "First: \(first.title), \(first.output). Second: \(second.title), \(second.output).",
      .table(
        columns: ["", "first", "second", "difference"],
        rows: [
          row("score", \.score), row("baseline", \.baselineScore),
          row("from the input") { $0.methods[0].steps.reduce(0, +) },
          row("steps") { Float($0.steps.count) },
        ]))
  }

  /// The steps with the greatest parts of both, side by side.
  private var parts: Exhibit {
    func greatest(_ one: Explanation) -> [(String, Double)] {
      let values = one.methods[0].steps
      return values.indices.sorted { abs(values[$0]) > abs(values[$1]) }.prefix(10)
        .map { (one.steps[$0], Double(values[$0])) }
    }
    let (one, other) = (greatest(first), greatest(second))
    let rows = (0..<max(one.count, other.count)).map { index -> [Exhibit.Cell] in
      func cells(_ all: [(String, Double)]) -> [Exhibit.Cell] {
        index < all.count ? [.text(all[index].0), .number(all[index].1)] : ["", .number(.nan)]
      }
      return cells(one) + cells(other)
    }
    return Exhibit(
      "steps", title: "The steps with the greatest parts",
      .table(columns: ["first", "part", "second", "part of it"], rows: rows))
  }

  private var features: Exhibit {
    guard first.features == second.features else { return Exhibit("features", title: "", .words([])) }
    func sums(_ one: Explanation) -> [Float] { one.methods[0].values.sum(axes: [0]).values }
    let (one, other) = (sums(first), sums(second))
    let order = first.features.indices.sorted { abs(other[$0] - one[$0]) > abs(other[$1] - one[$1]) }
    return Exhibit(
      "features", title: "The features whose parts differ most",
      .table(
        columns: ["feature", "first", "second", "difference"],
        rows: order.prefix(20).map {
          [
            .text(first.features[$0]), .number(Double(one[$0])), .number(Double(other[$0])),
            .number(Double(other[$0] - one[$0])),
          ]
        }))
  }

  /// The units whose mean state differs most, in units of what it varies by.
  private var units: Exhibit {
    struct Difference {
      var name: String
      var unit: Int
      var (first, second, size): (Double, Double, Double)
    }
    var all: [Difference] = []
    for (one, other) in zip(first.levels, second.levels) {
      guard let a = one.memory?.value, let b = other.memory?.value, a.shape[1] == b.shape[1] else { continue }
      let (left, right) = (a.columnMoments, b.columnMoments)
      for unit in 0..<a.shape[1] {
        let spread = ((left[unit].variance + right[unit].variance) / 2).squareRoot()
        let difference = right[unit].mean - left[unit].mean
        all.append(
          Difference(
            name: one.name, unit: unit, first: left[unit].mean, second: right[unit].mean,
            size: spread > 0 ? difference / spread : 0))
      }
    }
    let order = all.sorted { (abs($0.size), $1.unit) > (abs($1.size), $0.unit) }
    return Exhibit(
      "units", title: "The units that differ most",
      note: "Means of the state over the steps; the difference in deviations over the steps.",
      .table(
        columns: ["level", "unit", "first", "second", "difference"],
        rows: order.prefix(15).map {
          [.text($0.name), .number(Double($0.unit)), .number($0.first), .number($0.second), .number($0.size)]
        }))
  }
}

extension Tensor {
  /// Mean and variance of each column of `[T, H]`.
  fileprivate var columnMoments: [(mean: Double, variance: Double)] {
    let (all, time, width) = (values, shape[0], shape[1])
    return (0..<width).map { column in
      let own = (0..<time).map { Double(all[$0 * width + column]) }
      let mean = own.reduce(0, +) / Double(max(1, time))
      return (mean, own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, time)))
    }
  }
}
