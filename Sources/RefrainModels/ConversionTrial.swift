import Refrain
import RefrainData

/// Two models that should be one, run on the same random input.
struct ConversionTrial {
  private let first: any RunnableModel
  private let second: any RunnableModel

  init(_ first: any RunnableModel, _ second: any RunnableModel) {
    (self.first, self.second) = (first, second)
  }

  /// The most numbers that a model is given to try it.
  private static let largestInput = 1 << 22

  /// How far apart the first outputs are.
  ///
  /// - Throws: What the models throw; `unsupportedContent` when their inputs have fixed sizes that are too large to be
  ///   tried, or none; `inexactConversion` when their outputs have different shapes, or none.
  func run() throws(DataError) -> OutputComparison {
    var comparison = OutputComparison()
    try checkSizes()
    for lengths in try batches() {
      let (one, other) = (try output(of: first, lengths), try output(of: second, lengths))
      guard one.shape == other.shape else {
        throw DataError(
          .inexactConversion, "the outputs have shapes \(one.shape) and \(other.shape)",
          remedy: "nothing was written; please report the model's layers")
      }
      // What lies past a sequence's length is no output.
      let rowSize = one.shape.dropFirst(2).reduce(1, *)
      let time = one.shape.count > 1 ? one.shape[1] : 1
      let hasTime = one.shape.count > 2 && time == lengths.time
      comparison.compare(one.values.floats, other.values.floats) { index in
        !hasTime || index / rowSize % time < lengths.values[index / rowSize / time]
      }
    }
    guard comparison.count > 0 else {
      throw DataError(
        .inexactConversion, "the outputs have no numbers that could be compared", remedy: "nothing was written")
    }
    return comparison
  }

  /// Makes sure that the inputs, whose fixed sizes come from files, can be made.
  private func checkSizes() throws(DataError) {
    for port in first.inputs + second.inputs where !port.isOptional {
      let shape = port.shape.map { $0 ?? 1 }
      guard shape.allSatisfy({ $0 > 0 }), let count = elementCount(of: shape), count <= Self.largestInput else {
        throw DataError(
          .unsupportedContent,
          "the input \(port.name.quoted) of shape \(ModelPort.text(port.shape)) cannot be tried: a conversion runs both "
            + "sides on at most \(Self.largestInput) numbers", remedy: "save the model with smaller or open sizes")
      }
    }
  }

  private struct Batch {
    var time: Int
    var values: [Int]
    var seed: UInt64
    var isRagged: Bool { values.contains { $0 != time } }
  }

  /// Ragged batches where both sides know lengths, else sequences of several lengths, each whole; as many steps and
  /// sequences as the models have, where that is fixed.
  private func batches() throws(DataError) -> [Batch] {
    let shapes = [first, second].compactMap { $0.inputs.first { !$0.isOptional }?.shape }
    let batch = shapes.compactMap { $0.first ?? nil }.first
    let time = shapes.compactMap { $0.count > 1 ? $0[1] : nil }.first
    let knowLengths = [first, second].allSatisfy { $0.inputs.contains { $0.name == "lengths" } }
    let least = time == nil ? fewestSteps : 1
    guard (batch ?? 1).multipliedReportingOverflow(by: time ?? 1).partialValue <= Self.largestInput,
      (batch ?? 1) <= Self.largestInput, (time ?? 1) <= Self.largestInput
    else {
      throw DataError(
        .unsupportedContent,
        "\(batch ?? 1) sequences of \(time ?? 1) steps cannot be tried: there are more than "
          + "\(Self.largestInput)", remedy: "save the model with smaller or open sizes")
    }
    func whole(_ rows: Int, _ steps: Int, _ seed: UInt64) -> Batch {
      let steps = time ?? max(steps, least)
      return Batch(time: steps, values: Array(repeating: steps, count: batch ?? rows), seed: seed)
    }
    let ragged = Batch(time: max(7, least), values: [max(7, least), 3, 1, 5], seed: 1)
    return (knowLengths && batch == nil && time == nil ? [ragged] : []) + [
      whole(3, 6, 2), whole(1, 9, 3), whole(2, 1, 4),
    ]
  }

  /// How many steps there must be for an output to have any: a convolution may take some away.
  private var fewestSteps: Int {
    func hasOutput(_ model: Sequential, _ steps: Int) -> Bool {
      var shape = model.inputShape
      if model.hasTime { shape[1] = steps }
      return (try? model.outputShape(for: shape))?.contains(0) != true
    }
    let models = [first, second].compactMap { $0 as? Sequential }
    return (1...512).first { steps in models.allSatisfy { hasOutput($0, steps) } } ?? 1
  }

  /// A model's first output for a batch.
  private func output(of model: any RunnableModel, _ batch: Batch) throws(DataError) -> NumericArray {
    var given: [String: NumericArray] = [:]
    var isFirst = true
    for port in model.inputs {
      if port.name == "lengths" {
        let lengths = NumericArray(batch.values, shape: [batch.values.count])
        given[port.name] = NumericArray(type: port.type, shape: lengths.shape, values: lengths.values)
      } else if isFirst && !port.isOptional {
        given[port.name] = values(for: port, batch)
        isFirst = false
      } else if !port.isOptional {
        // The state before the first step.
        let shape = port.shape.map { $0 ?? batch.values.count }
        let count = shape.reduce(1, *)
        given[port.name] = NumericArray(
          type: port.type, shape: shape,
          values: port.type.isFloat
            ? .floats(Array(repeating: 0, count: count)) : .integers(Array(repeating: 0, count: count)))
      }
    }
    let outputs = try model.run(given)
    return model.outputs.first.flatMap { outputs[$0.name] } ?? NumericArray([Float](), shape: [0])
  }

  /// Random numbers, or tokens that both models know.
  private func values(for port: ModelPort, _ batch: Batch) -> NumericArray {
    var generator = RandomGenerator(seed: batch.seed)
    let extents = [batch.values.count, batch.time]
    let shape = port.shape.enumerated().map { $1 ?? ($0 < 2 ? extents[$0] : 1) }
    let count = shape.reduce(1, *)
    if port.type.isFloat {
      return NumericArray(
        type: port.type, shape: shape, values: .floats((0..<count).map { _ in generator.normal() }))
    }
    let vocabulary = [first, second].compactMap { ($0 as? Sequential)?.vocabulary }.min() ?? 2
    return NumericArray(
      type: port.type, shape: shape, values: .integers((0..<count).map { _ in generator.integer(below: vocabulary) }))
  }
}
