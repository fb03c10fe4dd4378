import Refrain
import RefrainData

/// What a model computes, or a node of it at every step: nodes in the order in which they run, and numbered places for
/// the values between them.
struct ONNXGraph: Sendable {
  var nodes: [ONNXNode] = []
  /// The initializers: which value lies where before the first node.
  var constants: [(slot: Int, value: ONNXValue)] = []
  /// The names of the initializers of floats, which can be learned, in their order, and where their values lie.
  var parameters: [(name: String, slot: Int, value: ONNXValue)] = []
  /// The values of the graph around it that it takes: where they lie there, and where they lie here.
  var captures: [(outside: Int, slot: Int)] = []
  var inputs: [ONNXPort] = []
  var outputs: [ONNXPort] = []
  /// For each node, the places that nobody looks at after it.
  var finished: [[Int]] = []
  /// For each place, whether a node of this graph makes what lies there.
  var isMade: [Bool] = []
  /// How many places there are.
  var slots = 0

  /// The parameters that are no weights: running statistics, bounds, states before the first step, single numbers.
  var constantParameters: Set<String> {
    let used = uses
    return Set(parameters.filter { $0.value.rank == 0 || used[$0.slot] == false }.map(\.name))
  }

  /// For each place that a node looks at, whether one of them learns what lies there.
  private var uses: [Int: Bool] {
    var uses: [Int: Bool] = [:]
    for node in nodes {
      for (index, slot) in node.inputs.enumerated() {
        guard let slot else { continue }
        uses[slot] = uses[slot] ?? false || node.implementation.learnedInputs?.contains(index) ?? true
      }
      for case .graph(let body) in node.attributes.values {
        let within = body.uses
        for (outside, slot) in body.captures where within[slot] != nil {
          uses[outside] = uses[outside] ?? false || within[slot] ?? true
        }
      }
    }
    return uses
  }

  /// Finds when each place is looked at for the last time.
  mutating func findFinished() {
    var isWanted = Set(outputs.map(\.slot))
    finished = Array(repeating: [], count: nodes.count)
    isMade = Array(repeating: false, count: slots)
    for node in nodes { for slot in node.outputs.compactMap(\.self) { isMade[slot] = true } }
    for index in nodes.indices.reversed() {
      for slot in (nodes[index].inputs + nodes[index].outputs + nodes[index].captures).compactMap(\.self)
      where isWanted.insert(slot).inserted {
        finished[index].append(slot)
      }
    }
  }
}

extension ONNXGraph {
  /// Runs all nodes.
  ///
  /// - Parameters:
  ///   - places: the values that there are before the first node; afterwards the outputs are among them.
  ///   - limits: what the run may still take.
  /// - Throws: What a node throws; `canceled` when the task that this runs in is.
  func run(_ places: inout [ONNXValue?], _ limits: ONNXLimits) throws(DataError) {
    for (node, finished) in zip(nodes, finished) {
      guard !Task.isCancelled else { throw DataError(.canceled, "the run was canceled before it had a result") }
      let call = ONNXCall(
        node: node, inputs: node.inputs.map { slot in slot.flatMap { places[$0] } }, limits: limits,
        outside: node.implementation.hasBody ? places : [])
      for (index, value) in call.inputs.enumerated()
      where value?.sequence != nil && !ONNXOperators.takingSequences.contains(node.operation) {
        throw call.fault("its input \(index) is a sequence")
      }
      let results = try node.implementation.run(call)
      guard results.count >= node.outputs.count else { throw call.fault("it has fewer results than the model wants") }
      for (slot, result) in zip(node.outputs, results) {
        guard let slot else { continue }
        // Even a value without elements must not have places without end.
        guard result.count > 0 || extentProduct(of: result.shape) ?? .max <= limits.largestValue else {
          throw call.fault("a value of shape \(result.shape) would have more than \(limits.largestValue) places")
        }
        try limits.budget.take(result.size, for: call.node.title + "'s result")
        places[slot] = result
      }
      for slot in finished {
        // What was made outside of this graph is not its to give back.
        if isMade[slot], let value = places[slot] { limits.budget.giveBack(value.size) }
        places[slot] = nil
      }
    }
  }
}

extension ONNXGraph {
  /// What lies where before the first node of a body: its constants, and what it takes from the graph around it.
  func prepared(_ outside: [ONNXValue?]) -> [ONNXValue?] {
    var places = [ONNXValue?](repeating: nil, count: slots)
    for (slot, value) in constants { places[slot] = value }
    for (outer, slot) in captures { places[slot] = outside[outer] }
    return places
  }

  /// Runs the graph as the body of a node.
  ///
  /// - Parameters:
  ///   - prepared: what ``prepared(_:)`` gives.
  ///   - given: the inputs.
  /// - Returns: the outputs.
  func results(_ prepared: [ONNXValue?], _ given: [ONNXValue], _ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    guard call.limits.take(nodes.count + 1) else {
      throw call.fault("it would run more nodes than a model of values up to \(call.largestValue) may")
    }
    var places = prepared
    for (port, value) in zip(inputs, given) { places[port.slot] = value }
    try run(&places, call.limits)
    // Whoever runs the body takes what comes out of it anew.
    for (slot, value) in places.enumerated() where isMade[slot] { call.limits.budget.giveBack(value?.size ?? 0) }
    var results: [ONNXValue] = []
    for output in outputs {
      guard let value = places[output.slot] else {
        throw call.fault("its body does not make \(output.port.name.quoted)")
      }
      results.append(value)
    }
    return results
  }
}

/// What a run may still take: graphs can ask for memory and time without end.
final class ONNXLimits {
  /// The most elements a value may have.
  let largestValue: Int
  /// What all values together may take.
  let budget = MemoryBudget.current
  /// How many nodes within bodies may still run.
  private var steps: Int
  /// How often all loops together may go around.
  let mostIterations: Int
  private var iterations = 0

  init(largestValue: Int, mostIterations: Int = 1 << 22) {
    self.mostIterations = mostIterations
    // So that the memory of no value overflows.
    self.largestValue = min(max(largestValue, 0), 1 << 40)
    steps = max(largestValue, 0) >> 4
  }

  /// Takes an iteration of a loop, or is false when that is too much.
  func takeIteration() -> Bool {
    iterations += 1
    return iterations <= mostIterations
  }

  /// Takes so many nodes of a body, or is false when that is too much.
  func take(_ nodes: Int) -> Bool {
    guard nodes <= steps else { return false }
    steps -= nodes
    return true
  }
}

/// An input or output of a model.
struct ONNXPort: Sendable {
  var port: ModelPort
  /// Whether the model says anything of its shape; a port without one takes all.
  var hasShape: Bool
  var slot: Int
}
