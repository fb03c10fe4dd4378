import Synchronization

/// The record of one computation, from which its gradients are found by going back over it (reverse mode).
///
/// A flat list: nothing on it owns anything else on it, so a long recurrence is freed without recursion. It is alive
/// only inside ``valueAndGradient(at:of:)``; a tensor knows its place on it by number, and a tensor from an earlier
/// tape is a constant to a later one.
final class Tape: Recorder, @unchecked Sendable {
  private enum Record {
    case leaf
    /// One output; each input has its own edge.
    case single([(input: Int, edge: GradientEdge)])
    /// The last of `outputs` slots that are pulled back together; a nil gradient is zero.
    case joint(outputs: Int, inputs: [Int?], pullback: JointPullback)
    /// An earlier one of the slots of a joint record.
    case part
  }

  /// The tape that runs in this task, if it is a tape that records.
  static var current: Tape? { Recording.current.flatMap { $0 as? Tape } }

  /// Runs `body` with this tape recording.
  func recording<Result, E: Error>(_ body: () throws(E) -> Result) throws(E) -> Result {
    try Recording.run(self, body)
  }

  let identifier = Recording.makeIdentifier()
  /// Whether layers that act only in training (dropout) act.
  let isTraining: Bool
  /// What such layers draw from.
  var generator: RandomGenerator
  /// Which rows of the whole batch are computed, where several processes share it; nil means all.
  let rows: SharedRows?
  /// Which of the whole batch's inputs of tokens is read next.
  var nextTokens = 0
  /// What is drawn of which it is not known what the whole batch would draw.
  var ownGenerator: RandomGenerator
  /// How many time steps of a recurrent layer are kept for the backward pass at a time; nil means all.
  let checkpointInterval: Int?
  /// What layers add to the loss.
  var penalties: [Tensor] = []
  /// What layers keep of the data rather than learn, by the slots of the variables that it is to become.
  private(set) var statistics: [Int: Tensor] = [:]
  private var records: [Record] = []
  /// The slices of variables: those that a loop over time takes anew at every step are one, packed once, with one
  /// gradient.
  private var slices: [Slice.Place: Tensor] = [:]

  init(isTraining: Bool, generator: RandomGenerator, rows: SharedRows? = nil, checkpointInterval: Int? = nil) {
    require(checkpointInterval ?? 1 > 0, "\(checkpointInterval ?? 0) time steps cannot be kept; at least 1 must be")
    self.isTraining = isTraining
    self.checkpointInterval = checkpointInterval
    self.generator = generator
    self.rows = rows
    ownGenerator = rows?.generator ?? generator
  }

  /// The slot of a tensor on this tape, or nil for a constant.
  func slot(of tensor: Tensor) -> Int? {
    tensor.place.recorder == identifier ? tensor.place.slot : nil
  }

  /// Makes `tensor` a variable to differentiate by.
  func watch(_ tensor: inout Tensor) {
    place(&tensor, .leaf)
  }

  /// The newest value of a statistic that a layer keeps in `variable`.
  func statistic(in variable: Tensor) -> Tensor {
    slot(of: variable).flatMap { statistics[$0] } ?? variable.detached
  }

  /// Makes `value` what `variable` is to become after the step, whatever its gradient.
  func keep(_ value: Tensor, in variable: Tensor) {
    if let slot = slot(of: variable), case .leaf = records[slot] { statistics[slot] = value.detached }
  }

  private func place(_ tensor: inout Tensor, _ record: Record) {
    tensor.place = Recording.Place(recorder: identifier, slot: records.count)
    records.append(record)
  }

  var isDifferentiating: Bool { true }

  func follows(_ tensor: Tensor) -> Bool { tensor.place.recorder == identifier }

  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ result: Tensor, edges: () -> [GradientEdge?]
  ) -> Tensor {
    guard operands.contains(where: follows) else { return result }
    var kept: [(input: Int, edge: GradientEdge)] = []
    for (operand, edge) in zip(operands, edges()) {
      if let input = slot(of: operand), let edge { kept.append((input, edge)) }
    }
    guard !kept.isEmpty else { return result }
    var result = result
    place(&result, .single(kept))
    return result
  }

  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ results: [Tensor],
    pullback: @escaping JointPullback
  ) -> [Tensor] {
    record(results, from: operands, pullback: pullback)
  }

  /// A slice of a tensor, made by `make` unless the tensor is a variable of which it was taken before.
  func slice(of tensor: Tensor, at slice: Slice, make: () -> Tensor) -> Tensor {
    guard let slot = slot(of: tensor), case .leaf = records[slot] else { return make() }
    let place = Slice.Place(slot: slot, slice: slice)
    if let known = slices[place] { return known }
    let result = make()
    slices[place] = result
    return result
  }

  func record(
    _ outputs: [Tensor], from inputs: [Tensor], pullback: @escaping JointPullback
  ) -> [Tensor] {
    let slots = inputs.map(slot(of:))
    guard slots.contains(where: { $0 != nil }) else { return outputs }
    var outputs = outputs
    for index in outputs.indices {
      let last = index == outputs.count - 1
      place(&outputs[index], last ? .joint(outputs: outputs.count, inputs: slots, pullback: pullback) : .part)
    }
    return outputs
  }

  /// The gradients of `result` by the variables watched first, in the order they were watched; nil where there is none.
  /// What the records hold is given back on the way.
  ///
  /// - Parameter watcher: hears of each gradient as soon as it is final.
  func gradients(of result: Tensor, leaves: Int, watcher: (any BackwardWatcher)? = nil) -> [Tensor?] {
    guard let last = slot(of: result) else { return Array(repeating: nil, count: leaves) }
    let finals = watcher == nil ? [:] : variablesByFirstUse(leaves)
    slices = [:]
    var gradients = [Tensor?](repeating: nil, count: records.count)
    gradients[last] = .ones(result.shape)
    func add(_ gradient: Tensor, to slot: Int) {
      guard var sum = gradients[slot].take() else {
        gradients[slot] = gradient.detached
        return
      }
      sum.add(gradient: gradient)
      gradients[slot] = sum
    }
    var products: [Int: RowProducts] = [:]
    for slot in records.indices.reversed() {
      if let sum = products.removeValue(forKey: slot)?.sum { add(sum, to: slot) }
      switch records[slot] {
      case .leaf, .part: continue
      case .single(let edges):
        if let gradient = gradients[slot].take() {
          for (input, edge) in edges {
            switch edge {
            case .pullback(let pullback): add(pullback(gradient), to: input)
            case .slice(let slice):
              var whole = gradients[input].take() ?? .zeros(slice.shape)
              whole.add(gradient: gradient, at: slice)
              gradients[input] = whole
            case .product(let factors):
              let (left, right) = factors(gradient)
              if let sum = products[input, default: RowProducts()].add(left, right) { add(sum, to: input) }
            }
          }
        }
      case .joint(let outputs, let inputs, let pullback):
        let range = slot - outputs + 1...slot
        let incoming = Array(gradients[range])
        for part in range { gradients[part] = nil }
        if incoming.contains(where: { $0 != nil }) {
          for (input, gradient) in zip(inputs, pullback(incoming)) {
            if let input, let gradient { add(gradient, to: input) }
          }
        }
      }
      records[slot] = .leaf
      for variable in finals[slot] ?? [] {
        if let sum = products.removeValue(forKey: variable)?.sum { add(sum, to: variable) }
        watcher?.isFinal(gradients[variable], of: variable)
      }
    }
    return Array(gradients[..<leaves])
  }

  /// The first `leaves` variables by the records that use them first: once these are pulled back, nothing is added to
  /// their gradients.
  private func variablesByFirstUse(_ leaves: Int) -> [Int: [Int]] {
    var seen = [Bool](repeating: false, count: leaves)
    var found: [Int: [Int]] = [:]
    for (slot, record) in records.enumerated() {
      let inputs: [Int] =
        switch record {
        case .leaf, .part: []
        case .single(let edges): edges.map(\.input)
        case .joint(_, let inputs, _): inputs.compactMap(\.self)
        }
      for input in inputs where input < leaves && !seen[input] {
        seen[input] = true
        found[slot, default: []].append(input)
      }
    }
    return found
  }
}

/// A sum of products leftᵀ · right, whose rows come a few at a time.
private struct RowProducts {
  private var lefts: [Tensor] = []
  private var rights: [Tensor] = []
  private var rows = 0
  /// More make a product no faster, and are memory.
  private static let enough = 1024

  /// Adds a product of matrices `[N, …]`; returns the sum so far, and begins anew, when there are many rows.
  mutating func add(_ left: Tensor, _ right: Tensor) -> Tensor? {
    lefts.append(left.detached)
    rights.append(right.detached)
    rows += left.shape[0]
    guard rows >= Self.enough else { return nil }
    defer { self = RowProducts() }
    return sum
  }

  /// The sum of what was added.
  var sum: Tensor? {
    guard !lefts.isEmpty else { return nil }
    return concatenate(lefts, axis: 0).matrixProduct(concatenate(rights, axis: 0), transposingSelf: true)
  }
}

extension Tensor {
  /// Adds another gradient, in place when nobody shares the memory.
  mutating func add(gradient: Tensor) {
    if let mine = sparseRows, let other = gradient.sparseRows {
      self = Tensor(sparseRows: mine + other, shape: shape)
      return
    }
    let count = count
    gradient.read { addend in
      write { total in
        parallel(count, grain: 1 << 16, multiple: 16) {
          kernels.addScaled($0.count, 1, addend + $0.lowerBound, total + $0.lowerBound)
        }
      }
    }
  }

  /// Adds the gradient of a slice, in place when nobody shares the memory.
  fileprivate mutating func add(gradient: Tensor, at slice: Slice) {
    gradient.read { addend in
      write { total in
        slice.forEachRun { run, whole, part in kernels.addScaled(run, 1, addend + part, total + whole) }
      }
    }
  }
}
