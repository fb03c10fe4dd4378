import Refrain
import RefrainData

extension Regressor {
  /// What makes the number of rows greater or smaller: how far it lies from the mean of the training, in the column's
  /// own unit.
  public func explained(
    _ examples: LabelledRecords, _ request: RegressorRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let unit = Float(scale.deviation)
    guard unit.isNormal else {
      throw TaskError(
        "numbers with a deviation of \(scale.deviation) cannot be explained",
        remedy: "train with \(target.quoted) in another unit")
    }
    let output = "\(target) above its mean \(rounded(scale.mean))"
    return try model.explained(examples, choice) { row, name, packed, networks in
      let score = networks(stack([packed.input]), packed, layers: LayerCalls()).values[0]
      let truth = truth(of: examples, row).map { ", in truth \(rounded($0))" } ?? ""
      return ExplainedExample(
        title: "\(name): \(rounded(scale.value(score)))\(truth)", input: packed.input, steps: packed.steps,
        features: packed.features, outputs: [output], baselines: packed.baselines, network: networks
      ) { network, inputs, layers, _ in network(inputs, packed, layers: layers).at(0, axis: 1) * unit }
    }
  }

  /// The number that stands in a row; nil where there is none.
  private func truth(of examples: LabelledRecords, _ row: Int) -> Double? {
    // Numbers that cannot be read are no reason to explain nothing.
    examples.target.flatMap { try? NumberColumn.number(in: Column(examples.records, $0), row: row) }
  }

  /// The rows whose numbers are farthest from what is said of them.
  public func overview(_ examples: LabelledRecords, _ request: RegressorRequest) throws(TaskError) -> [Exhibit] {
    let answers = try values(model.encoded(examples))
    let names = RowNames(examples, columns)
    let errors = answers.indices.compactMap { row in
      truth(of: examples, row).map { (row: row, truth: $0, error: answers[row] - $0) }
    }
    let order = errors.sorted { (abs($1.error), $0.row) < (abs($0.error), $1.row) }
    let exhibit = Exhibit(
      "hardExamples", title: "Hard examples",
      note: "The rows whose \(target) is farthest from what is said: errors of the model, or of the file.",
      .table(
        columns: ["row", "truth", "found", "found less truth", "text"],
        rows: order.prefix(Self.mostShown).map {
          [
            .number(Double($0.row + 1)), .number($0.truth), .number(answers[$0.row]), .number($0.error),
            .text(names.text($0.row)),
          ]
        }))
    return exhibit.isEmpty ? [] : [exhibit]
  }

  /// More rows than this are not shown.
  private static let mostShown = 20
}
