import Refrain
import RefrainData

/// The parts of a network that read columns, side by side, and a head that says something of what they make of a row.
///
///     features = [part₁(column₁), part₂(column₂), …]
///     output = W relu(V features + c) + b        without the hidden layer where a single sequence is read
struct JoinedNetwork: Module {
  private(set) var parts: [any ColumnPart]
  private var hidden: [Dense]
  private var head: Dense
  private let dropout: Float

  /// - Parameters:
  ///   - columns: What is read.
  ///   - plan: The sizes.
  ///   - outputSize: How many values are said of a row.
  ///   - generator: What weights are drawn from.
  init(_ columns: InputColumns, _ plan: NetworkPlan, outputSize: Int, using generator: inout RandomGenerator) {
    parts = columns.encoders.map { $0.encoder.makePart(plan, using: &generator) }
    let width = parts.reduce(0) { $0 + $1.featureSize }
    let isSingle = columns.encoders.count == 1 && width > plan.hiddenSize
    let inner = Self.hiddenSize(plan)
    hidden = isSingle ? [] : [Dense(inputSize: width, outputSize: inner, activation: .relu, using: &generator)]
    head = Dense(inputSize: isSingle ? width : inner, outputSize: outputSize, using: &generator)
    dropout = plan.dropout
  }

  private static func hiddenSize(_ plan: NetworkPlan) -> Int { max(32, plan.hiddenSize) }

  /// About how many weights such a network has.
  static func weightCount(_ columns: InputColumns, _ plan: NetworkPlan, outputSize: Int) -> Double {
    let parts = columns.encoders.reduce(0) { $0 + $1.encoder.weightCount(plan) }
    return parts + Double(hiddenSize(plan)) * Double(outputSize)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in parts.indices { try parts[index].forEachTensor(under: "columns.\(index)", body) }
    try hidden.forEachTensor(under: "hidden", body)
    try head.forEachTensor(under: "head", body)
  }

  /// What is said of some rows, `[B, outputSize]`.
  func callAsFunction(_ inputs: [StepValues]) -> Tensor {
    said(zip(parts, inputs).map { part, input in part(input) })
  }

  /// What is said of some rows whose columns are values, as each part gives them.
  func callAsFunction(_ values: [StepValues], layers: LayerCalls) -> Tensor {
    said(
      zip(parts, values).enumerated().map { index, part in
        part.0(part.1, layers: layers.under("columns.\(index)"))
      })
  }

  /// What is said of what the parts made of some rows, `[B, F]` each.
  func said(_ made: [Tensor]) -> Tensor {
    var features = Refrain.dropout(concatenate(made, axis: 1), rate: dropout)
    for layer in hidden { features = Refrain.dropout(layer(features), rate: dropout) }
    return head(features)
  }
}
