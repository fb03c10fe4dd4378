import Refrain
import RefrainData

/// What drives each unit of the recurrent levels most over many examples: the steps at which its state is greatest and
/// least, with the steps before them.
public struct UnitContexts: Sendable {
  /// A step at which a unit's state is far from 0.
  struct Place: Sendable {
    var value: Float
    /// The steps up to it.
    var context: String
    /// The number of the example, from 1.
    var example: Int
  }

  private var levels: [(name: String, greatest: [[Place]], least: [[Place]])] = []
  private var seen = 0
  /// So many contexts are kept of each unit.
  private static let kept = 3
  /// So many steps make a context.
  private static let length = 5

  /// None yet.
  public init() {}

  /// Adds the steps of an example.
  public mutating func add(_ example: ExplainedExample) {
    seen += 1
    for (index, found) in example.inspections().levels.enumerated() {
      let level = example.level(found.name, found.level)
      guard let state = level.memory?.value else { continue }
      let (time, size) = (state.shape[0], state.shape[1])
      if index == levels.count {
        let none = [[Place]](repeating: [], count: size)
        levels.append((level.name, none, none))
      }
      guard index < levels.count, levels[index].greatest.count == size else { continue }
      // A level that reads backward has read what comes after.
      let isBackward = found.level.direction == .backward
      func context(_ step: Int) -> String {
        let range = isBackward ? step..<min(time, step + Self.length) : max(0, step - Self.length + 1)..<step + 1
        return excerpt(level.steps[range].joined(separator: " "), 60)
      }
      let values = state.values
      for unit in 0..<size {
        var (greatest, least) = (0, 0)
        for step in 1..<max(1, time) {
          if values[step * size + unit] > values[greatest * size + unit] { greatest = step }
          if values[step * size + unit] < values[least * size + unit] { least = step }
        }
        guard time > 0 else { continue }
        let (most, fewest) = (values[greatest * size + unit], values[least * size + unit])
        Self.insert(most, into: &levels[index].greatest[unit], seen, isBetter: >) { context(greatest) }
        Self.insert(fewest, into: &levels[index].least[unit], seen, isBetter: <) { context(least) }
      }
    }
  }

  private static func insert(
    _ value: Float, into places: inout [Place], _ example: Int, isBetter: (Float, Float) -> Bool,
    context: () -> String
  ) {
    guard places.count < kept || isBetter(value, places[places.count - 1].value) else { return }
    let place = Place(value: value, context: context(), example: example)
    // The same steps of another example tell nothing more.
    if let same = places.firstIndex(where: { $0.context == place.context }) {
      guard isBetter(value, places[same].value) else { return }
      places.remove(at: same)
    }
    let index = places.firstIndex { isBetter(value, $0.value) } ?? places.count
    places.insert(place, at: index)
    if places.count > kept { places.removeLast() }
  }

  /// A table for each level: the units that reach furthest, and what they reached furthest at.
  public var exhibits: [Exhibit] {
    levels.enumerated().map { index, level in
      func reach(_ unit: Int) -> Float {
        (level.greatest[unit].first?.value ?? 0) - (level.least[unit].first?.value ?? 0)
      }
      let order = level.greatest.indices.sorted { (reach($0), $1) > (reach($1), $0) }
      func text(_ places: [Place]) -> String {
        places.map { "\($0.context) (\(HTMLPage.short(Double($0.value))), \($0.example))" }.joined(separator: " | ")
      }
      return Exhibit(
        "units\(index + 1)", title: "What drives the units of \(level.name)",
        note: "The steps up to where the state is greatest and least over \(seen) examples, with its value and the "
          + "example's number.",
        .table(
          columns: ["unit", "greatest after", "least after"],
          rows: order.prefix(24).map { unit in
            [.number(Double(unit)), .text(text(level.greatest[unit])), .text(text(level.least[unit]))]
          }))
    }
  }
}
