/// A layer through which relevance can be propagated: it has a twin of the same values, whose gradient times the input
/// is the relevance of layer-wise relevance propagation.
///
/// With R = v · ∂ for every value v, the rules are those of Arras et al. 2017 for gated cells: a sum passes relevance
/// on in the proportion of its terms (ε = 0), a function of one value passes it on whole, and of a product of a gate
/// and a signal all goes to the signal. So in the twin gates are constants, and a function f(z) is z times the constant
/// f(z) / z.
public protocol RelevanceLayer: Layer {
  /// The layer's twin.
  associatedtype Twin: Layer
  /// The same values with the gradient of relevance.
  var relevanceTwin: Twin { get }
}

/// A cell that has such a twin.
public protocol RelevanceCell: RecurrentCell {
  /// The cell's twin, of the same state.
  associatedtype Twin: RecurrentCell where Twin.State == State
  /// The same values with the gradient of relevance.
  var relevanceTwin: Twin { get }
}

extension Recurrent: RelevanceLayer where Cell: RelevanceCell {
  public var relevanceTwin: Recurrent<Cell.Twin> {
    var twin = Recurrent<Cell.Twin>(
      cell.relevanceTwin, returning: returning, direction: configuration.direction, initial: initial)
    twin.learnedState = learnedState
    // Zoneout has a part at prediction; it is a sum, which passes relevance on as any other.
    twin.regularization = regularization
    return twin
  }
}

extension Bidirectional: RelevanceLayer where Cell: RelevanceCell {
  public var relevanceTwin: Bidirectional<Cell.Twin> {
    Bidirectional<Cell.Twin>(
      forward: forward.relevanceTwin, backward: backward.relevanceTwin, returning: returning,
      merge: configuration.merge)
  }
}

extension Stacked: RelevanceLayer where Level: RelevanceLayer, Level.Twin: RecurrentLayer {
  public var relevanceTwin: Stacked<Level.Twin> {
    var twin = Stacked<Level.Twin>(
      levels: levels.map(\.relevanceTwin), connection: configuration.connection, returning: returning)
    twin.links = links
    return twin
  }
}

extension Sequential: RelevanceLayer {
  public var relevanceTwin: Sequential {
    Sequential(inputShape: inputShape, builtLayers: layers.map { $0.twinOrSelf })
  }
}

/// An attention for relevance: how much each step counts is a gate, which gets none.
public struct RelevanceAttentionPooling: Layer {
  public static let kind = "attention-pooling-relevance"
  /// The layer whose twin it is.
  public var pooling: AttentionPooling

  public var configuration: AttentionPooling.Configuration { pooling.configuration }

  public init(_ configuration: AttentionPooling.Configuration) { pooling = AttentionPooling(configuration) }

  init(_ pooling: AttentionPooling) { self.pooling = pooling }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try pooling.outputShape(for: inputShape)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try pooling.forEachTensor(body) }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    pooling.pooled(input, by: pooling.weights(of: input.values, steps: input.steps).detached)
  }
}

extension AttentionPooling: RelevanceLayer {
  public var relevanceTwin: RelevanceAttentionPooling { RelevanceAttentionPooling(self) }
}

extension Layer {
  /// The layer's twin for relevance, where it has one; otherwise the layer, whose gradient is that of relevance if it
  /// is linear but for its biases.
  package var twinOrSelf: any Layer {
    func twin(of layer: some RelevanceLayer) -> any Layer { layer.relevanceTwin }
    return (self as? any RelevanceLayer).map { twin(of: $0) } ?? self
  }
}

extension Tensor {
  /// f(z), where the relevance of the value is passed on whole to z: `values` are f(z), and 0 where z is 0.
  fileprivate static func passing(_ sum: Tensor, as values: Tensor) -> Tensor {
    let count = sum.count
    let ratio = Tensor(sum.shape) { target in
      Refrain.read(sum, values) { sum, values in
        for index in 0..<count { target[index] = sum[index] == 0 ? 1 : values[index] / sum[index] }
      }
    }
    return sum * ratio
  }
}

/// A twin that differs from its cell in the step alone.
protocol RelevanceTwin: RecurrentCell {
  /// The cell's type.
  associatedtype Original: RecurrentCell
  /// The cell whose twin it is.
  var cell: Original { get set }
  init(_ cell: Original)
}

extension RelevanceTwin {
  public static var execution: ScanExecution<Self> { .loop }

  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(Original(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator))
  }
  public var inputSize: Int { cell.inputSize }
  public var hiddenSize: Int { cell.hiddenSize }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try cell.forEachTensor(body) }

  public func project(_ input: Tensor) -> Tensor { cell.project(input) }
}

/// An LSTM cell for relevance.
public struct RelevanceLSTMCell: RelevanceTwin {
  public typealias State = LSTMCell.State
  public static let name = "lstm-relevance"
  public static let source = "Arras, Montavon, Müller and Samek 2017"
  public static let purpose = "propagates relevance through an LSTM"

  /// The cell whose twin it is.
  public var cell: LSTMCell

  init(_ cell: LSTMCell) { self.cell = cell }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + state.hidden.matrixProduct(cell.weightHidden, transposingOther: true)
    func gate(_ gate: LSTMCell.Gate) -> Tensor { sigmoid(sums.block(gate.rawValue, of: hiddenSize)).detached }
    let candidate = sums.block(LSTMCell.Gate.candidate.rawValue, of: hiddenSize)
    let memory = gate(.forget) * state.cell + gate(.input) * Tensor.passing(candidate, as: tanh(candidate))
    return State(hidden: gate(.output) * Tensor.passing(memory, as: tanh(memory)), cell: memory)
  }
}

extension LSTMCell: RelevanceCell {
  public var relevanceTwin: RelevanceLSTMCell { RelevanceLSTMCell(self) }
}

/// A GRU cell for relevance.
public struct RelevanceGRUCell: RelevanceTwin {
  public typealias State = HiddenState
  public static let name = "gru-relevance"
  public static let source = "after Arras, Montavon, Müller and Samek 2017"
  public static let purpose = "propagates relevance through a GRU"

  /// The cell whose twin it is.
  public var cell: GRUCell

  init(_ cell: GRUCell) { self.cell = cell }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let recurrent = state.hidden.matrixProduct(cell.weightHidden, transposingOther: true)
    func part(_ tensor: Tensor, _ gate: GRUCell.Gate) -> Tensor { tensor.block(gate.rawValue, of: hiddenSize) }
    let reset = sigmoid(part(projected, .reset) + part(recurrent, .reset)).detached
    let update = sigmoid(part(projected, .update) + part(recurrent, .update)).detached
    let sum = part(projected, .candidate) + reset * (part(recurrent, .candidate) + cell.biasHidden)
    let candidate = Tensor.passing(sum, as: tanh(sum))
    return HiddenState(hidden: (1 - update) * candidate + update * state.hidden)
  }
}

extension GRUCell: RelevanceCell {
  public var relevanceTwin: RelevanceGRUCell { RelevanceGRUCell(self) }
}
