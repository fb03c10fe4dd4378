import Refrain
import RefrainData

// LSTM, GRU and RNN: what the three have in common. The cells are chosen in RecurrentCells.swift.

extension ONNXOperators {
  private static let common: [String: ONNXAttribute.Kind] = [
    "activation_alpha": .floats, "activation_beta": .floats, "activations": .strings, "clip": .float,
    "direction": .string, "hidden_size": .integer, "layout": .integer, "output_sequence": .integer,
  ]

  static let recurrent: [ONNXOperator] = [
    layer("LSTM", inputs: 3...8, outputs: 3, ["input_forget": .integer], learned: [1, 2, 3, 7], run: lstm),
    layer("GRU", inputs: 3...6, outputs: 2, ["linear_before_reset": .integer], learned: [1, 2, 3], run: gru),
    layer("RNN", inputs: 3...6, outputs: 2, [:], learned: [1, 2, 3], run: rnn),
  ]

  private static func layer(
    _ name: String, inputs: ClosedRange<Int>, outputs: Int, _ attributes: [String: ONNXAttribute.Kind],
    learned: Set<Int>, run: @escaping ONNXOperator.Run
  ) -> ONNXOperator {
    ONNXOperator(
      name, inputs: inputs, outputs: outputs, common.merging(attributes) { $1 },
      check: { node throws(DataError) in _ = try ONNXRecurrence(node) }, learned: learned, run: run)
  }
}

/// The attributes of a recurrent node, checked.
struct ONNXRecurrence {
  /// For each direction, which way it goes and its activations.
  var directions: [(direction: Direction, activations: [ONNXActivation])] = []
  /// The bound of the sums before the activations; nil for none.
  var clip: Float?
  /// Whether the batch comes before the time.
  var isBatchFirst: Bool
  /// The blocks of **H** rows in the weights.
  let gates: Int

  /// - Throws: `unsupportedContent`.
  init(_ node: ONNXNode) throws(DataError) {
    let defaults: [ONNXActivation.Function] =
      switch node.operation {
      case "LSTM": [.sigmoid, .tanh, .tanh]
      case "GRU": [.sigmoid, .tanh]
      default: [.tanh]
      }
    gates = node.operation == "LSTM" ? 4 : node.operation == "GRU" ? 3 : 1
    let ways: [Direction]
    switch node.string("direction") ?? "forward" {
    case "forward": ways = [.forward]
    case "reverse": ways = [.backward]
    case "bidirectional": ways = [.forward, .backward]
    case let other: throw node.unsupported("its direction \(other.quoted) is not known")
    }
    clip = node.float("clip")
    guard clip ?? 1 > 0 else { throw node.unsupported("its clip is \(clip ?? 0), and must be above 0") }
    isBatchFirst = node.integer("layout") ?? 0 != 0

    var names: [ONNXActivation.Function] = []
    for name in node.strings("activations") ?? [] {
      guard let function = ONNXActivation.Function(rawValue: name.lowercased()) else {
        throw node.unsupported("its activation \(name.quoted) is not known")
      }
      names.append(function)
    }
    if names.isEmpty { names = ways.flatMap { _ in defaults } }
    guard names.count == ways.count * defaults.count else {
      throw node.unsupported("it has \(names.count) activations, and wants \(ways.count * defaults.count)")
    }
    // The functions that have such numbers take them one after another.
    var (alphas, betas) = ((node.floats("activation_alpha") ?? [])[...], (node.floats("activation_beta") ?? [])[...])
    var activations: [ONNXActivation] = []
    for function in names {
      let alpha = function.defaults.alpha == nil ? nil : alphas.popFirst()
      let beta = function.defaults.beta == nil ? nil : betas.popFirst()
      let mustSay = ONNXActivation.mustSay(function)
      guard !mustSay.alpha || alpha != nil, !mustSay.beta || beta != nil else {
        throw node.unsupported("its activation \(function.rawValue) is not given its alpha or beta")
      }
      activations.append(ONNXActivation(function, alpha: alpha, beta: beta))
    }
    for (index, way) in ways.enumerated() {
      directions.append((way, Array(activations[(index * defaults.count)..<((index + 1) * defaults.count)])))
    }
  }
}

/// A recurrent node with its inputs, which fit each other.
struct ONNXRecurrentCall {
  let call: ONNXCall
  let attributes: ONNXRecurrence
  /// `[T, B, I]`, or with the batch first `[B, T, I]`.
  let input: Tensor
  let batch, time, inputSize, hiddenSize: Int
  /// `[D, G·H, I]`, `[D, G·H, H]`
  private let weightInput, weightHidden: Tensor
  /// `[D, 2·G·H]`: those of the input, and those of the recurrence.
  private let bias: Tensor?
  private let lengths: [Int]?

  init(_ call: ONNXCall) throws(DataError) {
    self.call = call
    attributes = try ONNXRecurrence(call.node)
    (input, weightInput, weightHidden) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
    bias = try call.optionalTensor(3)
    lengths = try call.optionalIntegers(4)
    guard input.rank == 3, weightHidden.rank == 3 else {
      throw call.fault(
        "its input has shape \(input.shape) and its recurrence weights \(weightHidden.shape), not three axes")
    }
    (time, batch) = attributes.isBatchFirst ? (input.shape[1], input.shape[0]) : (input.shape[0], input.shape[1])
    (inputSize, hiddenSize) = (input.shape[2], weightHidden.shape[2])
    let (directions, rows) = (attributes.directions.count, attributes.gates * hiddenSize)
    guard inputSize > 0, hiddenSize > 0, call.node.integer("hidden_size") ?? hiddenSize == hiddenSize else {
      throw call.fault("its input of shape \(input.shape) or its hidden size \(hiddenSize) do not fit")
    }
    try call.checkShape(1, [directions, rows, inputSize], "its input weights")
    try call.checkShape(2, [directions, rows, hiddenSize], "its recurrence weights")
    if bias != nil { try call.checkShape(3, [directions, 2 * rows], "its bias") }
    try call.checkSize([time, batch, rows], of: .float32)
    try call.checkSize([directions, batch, hiddenSize], of: .float32)
    if let lengths {
      let time = time
      guard lengths.count == batch, lengths.allSatisfy({ (0...time).contains($0) }) else {
        throw call.fault("the lengths \(lengths.prefix(8)) do not fit \(batch) sequences of \(time) steps")
      }
    }
  }

  // MARK: - The parts of one direction

  /// The blocks of **H** rows of a direction's weights, in another order.
  private func blocks(_ tensor: Tensor, _ direction: Int, _ order: [Int]) -> Tensor {
    let own = tensor.at(direction, axis: 0)
    let parts = order.map { own.slice($0 * hiddenSize..<($0 + 1) * hiddenSize, axis: 0) }
    return concatenate(parts, axis: 0)
  }

  /// W and R, with their blocks in the order of a cell of Refrain.
  func weights(_ direction: Int, _ order: [Int]) -> (input: Tensor, hidden: Tensor) {
    (blocks(weightInput, direction, order), blocks(weightHidden, direction, order))
  }

  /// The two biases, each `[order.count · H]`.
  func biases(_ direction: Int, _ order: [Int]) -> (input: Tensor, hidden: Tensor) {
    guard let bias else {
      let zeros = Tensor.zeros([order.count * hiddenSize])
      return (zeros, zeros)
    }
    return (
      blocks(bias, direction, order), blocks(bias, direction, order.map { $0 + attributes.gates })
    )
  }

  /// A direction's part of an input `[D, B, H]` (with the batch first `[B, D, H]`), or zeros.
  func initialState(_ index: Int, _ direction: Int) throws(DataError) -> Tensor {
    guard let state = try call.optionalTensor(index) else { return .zeros([batch, hiddenSize]) }
    let directions = attributes.directions.count
    let shape = attributes.isBatchFirst ? [batch, directions, hiddenSize] : [directions, batch, hiddenSize]
    try call.checkShape(index, shape, "its state before the first step")
    return state.at(direction, axis: attributes.isBatchFirst ? 1 : 0)
  }

  /// A direction's peepholes of the gates i, o, f, each `[H]`, or nil where there are none.
  func peepholes(_ direction: Int) throws(DataError) -> (input: Tensor, output: Tensor, forget: Tensor)? {
    guard let all = try call.optionalTensor(7) else { return nil }
    try call.checkShape(7, [attributes.directions.count, 3 * hiddenSize], "its peepholes")
    let own = all.at(direction, axis: 0)
    func part(_ index: Int) -> Tensor { own.slice(index * hiddenSize..<(index + 1) * hiddenSize, axis: 0) }
    return (part(0), part(1), part(2))
  }

  /// All steps of one direction by a cell.
  func scan<Cell: RecurrentCell>(
    _ cell: Cell, from state: Cell.State, _ direction: Direction
  ) -> (outputs: Tensor, state: Cell.State) {
    let shape = Array(input.shape[..<2]) + [hiddenSize]
    if batch == 0 || time == 0 { return (.zeros(shape), state) }
    let steps = Steps(lengths: lengths, layout: attributes.isBatchFirst ? .batchFirst : .timeFirst)
    let result = cell.scan(
      input, from: state, along: Schedule(batch: batch, time: time, steps: steps, direction: direction))
    guard let lengths, lengths.contains(0) else { return result }
    // As ONNX Runtime has it, a sequence without steps ends in zeros and not in the state it began with.
    let mask = Tensor(lengths.map { $0 > 0 ? 1 : 0 }, shape: [batch, 1])
    return (result.outputs, result.state.mapTensors { select(mask, $0, Tensor(0)) })
  }

  /// The node's results: Y `[T, D, B, H]`, or with the batch first `[B, T, D, H]`, and the states after the last step.
  ///
  /// - Parameter run: takes a direction's number; gives its outputs and its states.
  func results(
    _ run: (_ direction: Int) throws(DataError) -> (outputs: Tensor, states: [Tensor])
  ) throws(DataError) -> [ONNXValue] {
    var parts: [(outputs: Tensor, states: [Tensor])] = []
    for direction in attributes.directions.indices { parts.append(try run(direction)) }
    let outputs = stack(parts.map(\.outputs), axis: attributes.isBatchFirst ? 2 : 1)
    let states = parts[0].states.indices.map { index in
      stack(parts.map { $0.states[index] }, axis: attributes.isBatchFirst ? 1 : 0)
    }
    return ([outputs] + states).map { call.like(0, $0) }
  }
}
