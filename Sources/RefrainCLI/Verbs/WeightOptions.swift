import ArgumentParser
import RefrainData
import RefrainFoundation
import RefrainModels

/// How the weights of a model of Refrain's own are stored.
struct WeightOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep the format, and store the weights as float32, bfloat16, float16 or int8.", valueName: "type"))
  var weights: WeightStorage?

  @Option(
    help: ArgumentHelp(
      "Examples to measure the task on, with the weights before and after; once for each file.", valueName: "file"),
    completion: .file())
  var calibrate: [String] = []

  func validate() throws {
    guard weights != nil || calibrate.isEmpty else {
      throw ValidationError("--calibrate measures what --weights costs: give both, or neither.")
    }
  }

  /// What became of a model, line by line.
  static func report(_ conversion: WeightConversion, _ storage: WeightStorage) -> [String] {
    func number(_ value: Double) -> String { written(value, .general, digits: 6) }
    let (before, after) = (conversion.sizeBefore, conversion.bytes.count)
    let ratio = fixed(Double(before) / Double(max(after, 1)), decimals: 2)
    var lines = ["weights as \(storage.rawValue): \(before) bytes to \(after), \(ratio) times smaller"]
    if let comparison = conversion.comparison {
      lines.append(
        "greatest difference \(comparison.difference) in \(comparison.count) numbers, on random inputs")
    }
    for change in conversion.changes {
      let relative = change.relative.map { " (\($0 < 0 ? "" : "+")\(written(100 * $0, .fixed, digits: 3)) %)" } ?? ""
      lines.append("\(change.name): \(number(change.before)) to \(number(change.after))\(relative)")
    }
    if !conversion.changes.isEmpty { lines.append("measured on \(conversion.examples) examples") }
    for difference in conversion.differences {
      lines.append("\(difference.name): \(number(difference.value))")
    }
    return lines
  }
}

extension WeightStorage: ExpressibleByArgument {}
