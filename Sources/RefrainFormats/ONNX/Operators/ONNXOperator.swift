import Refrain
import RefrainData

/// An operator: what a node of its kind may look like, and what it computes.
struct ONNXOperator: Sendable {
  typealias Run = @Sendable (ONNXCall) throws(DataError) -> [ONNXValue]
  typealias Check = @Sendable (ONNXNode) throws(DataError) -> Void

  let name: String
  /// How many inputs a node may have, those left out at the end not counted.
  let inputs: ClosedRange<Int>
  /// How many results there are at most.
  let outputs: Int
  /// The attributes that a node may have.
  let attributes: [String: ONNXAttribute.Kind]
  /// Whether it runs graphs of its own.
  let hasBody: Bool
  /// Looks for what is not supported before anything runs.
  let check: Check?
  /// The inputs whose values are learned when they are initializers of floats; nil means all.
  let learnedInputs: Set<Int>?
  /// The results, given the inputs.
  let run: Run

  init(
    _ name: String, inputs: ClosedRange<Int> = 1...1, outputs: Int = 1,
    _ attributes: [String: ONNXAttribute.Kind] = [:],
    check: Check? = nil, learned: Set<Int>? = nil, run: @escaping Run
  ) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    hasBody = attributes.values.contains(.graph)
    self.check = check
    learnedInputs = learned
    self.run = run
  }
}

/// All operators. A new one is a line in the list of its family.
enum ONNXOperators {
  static let all: [String: ONNXOperator] = {
    let families = [
      recurrent, matrix, arithmetic, elementwise, activations, logic, softmax, shapes, joining, slicing, gathering,
      selecting,
      constants, conversion, reductions, normalization, convolution, transposedConvolution, scans, branching, sequences,
      quantization, quantizedProducts,
    ]
    return Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })
  }()

  /// Operators that run graphs of their own: they could be given here, but are not.
  static let controlFlow: Set<String> = ["SequenceMap"]
}
