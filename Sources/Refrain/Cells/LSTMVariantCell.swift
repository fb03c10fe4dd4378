/// The parts that a variant of the peephole LSTM leaves out or joins (Greff, Srivastava, Koutník, Steunebrink and
/// Schmidhuber 2015, "LSTM: A Search Space Odyssey").
public protocol LSTMVariant: Sendable {
  /// The cell's name.
  static var name: String { get }
  /// The blocks that have weights, in the order of the rows. The candidate is always one of them; an input, forget or
  /// output gate that is not stands open, at 1.
  static var blocks: [LSTMCell.Gate] { get }
  /// Whether the forget gate is what the input gate leaves, f = 1 − i.
  static var isCoupled: Bool { get }
  /// Whether the candidate goes through tanh.
  static var activatesInput: Bool { get }
  /// Whether the cell state goes through tanh on its way out.
  static var activatesOutput: Bool { get }
}

extension LSTMVariant {
  public static var blocks: [LSTMCell.Gate] { LSTMCell.Gate.allCases }
  public static var isCoupled: Bool { false }
  public static var activatesInput: Bool { true }
  public static var activatesOutput: Bool { true }
}

/// NIG: i = 1.
public enum NoInputGate: LSTMVariant {
  public static let name = "lstm-no-input-gate"
  public static let blocks: [LSTMCell.Gate] = [.forget, .candidate, .output]
}

/// NFG: f = 1, the cell of 1997.
public enum NoForgetGate: LSTMVariant {
  public static let name = "lstm-no-forget-gate"
  public static let blocks: [LSTMCell.Gate] = [.input, .candidate, .output]
}

/// NOG: o = 1.
public enum NoOutputGate: LSTMVariant {
  public static let name = "lstm-no-output-gate"
  public static let blocks: [LSTMCell.Gate] = [.input, .forget, .candidate]
}

/// NIAF: the candidate is its sum.
public enum NoInputActivation: LSTMVariant {
  public static let name = "lstm-no-input-activation"
  public static let activatesInput = false
}

/// NOAF: h' = o ⊙ c'.
public enum NoOutputActivation: LSTMVariant {
  public static let name = "lstm-no-output-activation"
  public static let activatesOutput = false
}

/// CIFG: f = 1 − i.
public enum CoupledGates: LSTMVariant {
  public static let name = "lstm-coupled-gates"
  public static let blocks: [LSTMCell.Gate] = [.input, .candidate, .output]
  public static let isCoupled = true
}

/// The peephole LSTM with one thing left out (Greff et al. 2015). What their paper calls vanilla is
/// ``PeepholeLSTMCell``, "no peepholes" is ``LSTMCell``, and "full gate recurrence" ``FullGateRecurrenceLSTMCell``.
///
///     i = σ(W_i x + R_i h + p_i ⊙ c + b_i)      1 without an input gate
///     f = σ(W_f x + R_f h + p_f ⊙ c + b_f)      1 without a forget gate; 1 − i where the gates are coupled
///     c̃ = g(W_c x + R_c h + b_c)                g: tanh; the identity without an input activation
///     c' = f ⊙ c + i ⊙ c̃
///     o = σ(W_o x + R_o h + p_o ⊙ c' + b_o)     1 without an output gate
///     h' = o ⊙ k(c')                            k: tanh; the identity without an output activation
///
/// A gate that is left out has no weights; **G** is the number of blocks that are left.
public struct LSTMVariantCell<Variant: LSTMVariant>: RecurrentCell {
  public typealias State = LSTMCell.State

  public static var name: String { Variant.name }
  public static var source: String { "Greff et al. 2015" }
  public static var purpose: String { "studies: what becomes of an LSTM without one of its parts" }

  /// W, `[G·H, I]`: the blocks of ``LSTMVariant/blocks``.
  public var weightInput: Tensor
  /// R, `[G·H, H]`
  public var weightHidden: Tensor
  /// b, `[G·H]`
  public var bias: Tensor
  /// p, `[H]` for each block but the candidate.
  public var peepholes: [Tensor]

  /// The blocks that see the cell state.
  private static var gates: [LSTMCell.Gate] { Variant.blocks.filter { $0 != .candidate } }

  /// A cell with weights drawn from `generator`, as a ``PeepholeLSTMCell`` starts; coupled gates start with the biases
  /// at −1, so that they remember as much as a forget gate does whose biases are 1.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let blocks = Variant.blocks
    weightInput = Initializer.glorotUniform(blocks.count * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(blocks.count, hiddenSize, using: &generator)
    bias = Initializer.biases(
      blocks.count, hiddenSize, open: blocks.firstIndex(of: Variant.isCoupled ? .input : .forget),
      value: Variant.isCoupled ? -1 : 1)
    peepholes = Self.gates.map { _ in .zeros([hiddenSize]) }
  }

  /// A cell with ready weights: W `[G·H, I]`, R `[G·H, H]`, b `[G·H]` and the peepholes,
  /// each `[H]`. Shapes that do not belong together stop the program.
  public init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor, peepholes: [Tensor]) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
    self.peepholes = peepholes
    require(
      peepholes.count == Self.gates.count,
      "\(Self.name): there are \(peepholes.count) peepholes, expected \(Self.gates.count)")
    checkWeights()
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    for (index, gate) in Self.gates.enumerated() { try body("weight_c\(gate.letter)", &peepholes[index]) }
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let (_, _, _, output, cell) = activations(projected, state)
    let shown = Variant.activatesOutput ? tanh(cell) : cell
    return State(hidden: Self.product(output, shown), cell: cell)
  }

  /// The product with a gate, of which nil is 1.
  private static func product(_ gate: Tensor?, _ value: Tensor) -> Tensor { gate.map { $0 * value } ?? value }

  /// The gates of a step, of which nil is 1, its candidate, and c', `[B, H]` each.
  private func activations(
    _ projected: Tensor, _ state: State
  ) -> (input: Tensor?, forget: Tensor?, candidate: Tensor, output: Tensor?, cell: Tensor) {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ gate: LSTMCell.Gate) -> Tensor? {
      Variant.blocks.firstIndex(of: gate).map { sums.block($0, of: hiddenSize) }
    }
    /// The gate, or nil for 1.
    func gate(_ gate: LSTMCell.Gate, seeing cell: Tensor) -> Tensor? {
      guard let sum = sum(gate), let index = Self.gates.firstIndex(of: gate) else { return nil }
      return sigmoid(sum + cell * peepholes[index])
    }
    let input = gate(.input, seeing: state.cell)
    let forget = Variant.isCoupled ? input.map { 1 - $0 } : gate(.forget, seeing: state.cell)
    let candidate = sum(.candidate).map { Variant.activatesInput ? tanh($0) : $0 } ?? .zeros(state.cell.shape)
    let cell = Self.product(forget, state.cell) + Self.product(input, candidate)
    return (input, forget, candidate, gate(.output, seeing: cell), cell)
  }

  /// Those that there are; of coupled gates the forget gate too, 1 − i.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (input, forget, candidate, output, _) = activations(projected, state)
    let all: [(String, Tensor?)] = [
      ("input", input), ("forget", forget), ("candidate", candidate), ("output", output),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}

extension LSTMCell.Gate {
  /// The letter in formulas and in the names of peepholes.
  fileprivate var letter: String {
    switch self {
    case .input: "i"
    case .forget: "f"
    case .candidate: "c"
    case .output: "o"
    }
  }
}

/// The peephole LSTM without an input gate.
public typealias NoInputGateLSTMCell = LSTMVariantCell<NoInputGate>
/// The peephole LSTM without a forget gate.
public typealias NoForgetGateLSTMCell = LSTMVariantCell<NoForgetGate>
/// The peephole LSTM without an output gate.
public typealias NoOutputGateLSTMCell = LSTMVariantCell<NoOutputGate>
/// The peephole LSTM whose candidate is not squashed.
public typealias NoInputActivationLSTMCell = LSTMVariantCell<NoInputActivation>
/// The peephole LSTM whose cell state is shown as it is.
public typealias NoOutputActivationLSTMCell = LSTMVariantCell<NoOutputActivation>
/// The peephole LSTM that forgets as much as it takes in.
public typealias CoupledGatesLSTMCell = LSTMVariantCell<CoupledGates>
