import RefrainData

/// How far apart the outputs of two programs are.
public struct OutputComparison: Sendable {
  /// The greatest difference, as a share of the first one's number where that is above 1; infinite where one of two
  /// numbers is none.
  public private(set) var difference: Float = 0
  /// How many numbers were compared.
  public private(set) var count = 0

  /// Nothing compared yet.
  public init() {}

  /// Compares two arrays of as many numbers.
  ///
  /// - Parameter isCounted: whether the number at a place counts; by default all do.
  public mutating func compare(_ one: [Float], _ other: [Float], where isCounted: (Int) -> Bool = { _ in true }) {
    for (index, pair) in zip(one, other).enumerated() where isCounted(index) {
      count += 1
      // Both infinite and equal, or both no number, are the same.
      if pair.0 == pair.1 || pair.0.isNaN && pair.1.isNaN { continue }
      let gap = abs(pair.0 - pair.1) / max(1, abs(pair.0))
      difference = gap.isNaN ? .infinity : max(difference, gap)
    }
  }

  /// Compares a model's outputs with what the program that it comes from gives for the same inputs.
  ///
  /// - Parameters:
  ///   - outputs: those of the model, by name.
  ///   - expected: some of them as they should be.
  /// - Throws: `wrongInput` when an expected output is none of the model's, or has another shape.
  public init(_ outputs: [String: NumericArray], expected: [String: NumericArray]) throws(DataError) {
    for (name, array) in expected.sorted(by: { $0.key < $1.key }) {
      guard let output = outputs[name] else {
        throw DataError(
          .wrongInput, "the model has no output \(name.quoted)",
          remedy: "it has \(outputs.keys.sorted().map(\.quoted).joined(separator: ", "))")
      }
      guard output.shape == array.shape else {
        throw DataError(
          .wrongInput, "the output \(name.quoted) has shape \(output.shape), and what is expected \(array.shape)",
          remedy: "give the input that belongs to it")
      }
      compare(array.values.floats, output.values.floats)
    }
  }
}

/// Inputs with the outputs that the program a model comes from gives for them.
public struct ModelSample: Sendable {
  /// The inputs by name.
  public var inputs: [String: NumericArray]
  /// Some outputs by name.
  public var expected: [String: NumericArray]

  /// Inputs and their outputs.
  public init(inputs: [String: NumericArray], expected: [String: NumericArray]) {
    (self.inputs, self.expected) = (inputs, expected)
  }

  /// The sample under the names that another model has for the same inputs and outputs, which it has in the same order.
  func renamed(from model: any RunnableModel, to other: any RunnableModel) -> ModelSample {
    func renamed(
      _ arrays: [String: NumericArray], _ names: [ModelPort], _ others: [ModelPort]
    ) -> [String: NumericArray] {
      let known = Set(others.map(\.name))
      var result: [String: NumericArray] = [:]
      for (name, array) in arrays {
        let place = names.firstIndex { $0.name == name }
        let isRenamed = !known.contains(name) && place.map { $0 < others.count } == true
        result[isRenamed ? others[place ?? 0].name : name] = array
      }
      return result
    }
    let needed = (model.inputs.filter { !$0.isOptional }, other.inputs.filter { !$0.isOptional })
    return ModelSample(
      inputs: renamed(inputs, needed.0, needed.1), expected: renamed(expected, model.outputs, other.outputs))
  }
}
