import Synchronization

/// The record of one computation, from which its gradients are found by going back over it (reverse mode).
///
/// A flat list: nothing on it owns anything else on it, so a long recurrence is freed without recursion. It is alive only
/// inside ``valueAndGradient(at:of:)``; a tensor knows its place on it by number, and a tensor from an earlier tape is a
/// constant to a later one.
final class Tape: @unchecked Sendable {
  /// A tensor's place: which tape, and which slot of it.
  struct Place: Sendable {
    var tape: UInt64
    var slot: Int
    static let none = Place(tape: 0, slot: 0)
  }

  typealias Pullback = (Tensor) -> Tensor

  private enum Record {
    case leaf
    /// One output; each input has its own pullback.
    case single([(input: Int, pullback: Pullback)])
    /// The last of `outputs` slots that are pulled back together; a nil gradient is zero.
    case joint(outputs: Int, inputs: [Int?], pullback: ([Tensor?]) -> [Tensor?])
    /// An earlier one of the slots of a joint record.
    case part
  }

  @TaskLocal static var current: Tape?
  private static let counter = Atomic<UInt64>(1)

  let identifier = Tape.counter.wrappingAdd(1, ordering: .relaxed).newValue
  /// Whether layers that act only in training (dropout) act.
  let isTraining: Bool
  /// What such layers draw from.
  var generator: RandomGenerator
  /// How many time steps of a recurrent layer are kept for the way back at a time; nil means all.
  let keptSteps: Int?
  private var records: [Record] = []

  init(isTraining: Bool, generator: RandomGenerator, keptSteps: Int? = nil) {
    require(keptSteps ?? 1 > 0, "\(keptSteps ?? 0) time steps cannot be kept; at least 1 must be")
    self.isTraining = isTraining
    self.keptSteps = keptSteps
    self.generator = generator
  }

  /// The slot of a tensor on this tape, or nil for a constant.
  func slot(of tensor: Tensor) -> Int? {
    tensor.place.tape == identifier ? tensor.place.slot : nil
  }

  /// Makes `tensor` a variable to differentiate by.
  func watch(_ tensor: inout Tensor) {
    place(&tensor, .leaf)
  }

  private func place(_ tensor: inout Tensor, _ record: Record) {
    tensor.place = Place(tape: identifier, slot: records.count)
    records.append(record)
  }

  func record(_ output: Tensor, _ arcs: [(Tensor, Pullback)]) -> Tensor {
    let kept = arcs.compactMap { arc in slot(of: arc.0).map { (input: $0, pullback: arc.1) } }
    guard !kept.isEmpty else { return output }
    var output = output
    place(&output, .single(kept))
    return output
  }

  func record(
    _ outputs: [Tensor], from inputs: [Tensor], pullback: @escaping ([Tensor?]) -> [Tensor?]
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
  func gradients(of result: Tensor, leaves: Int) -> [Tensor?] {
    guard let last = slot(of: result) else { return Array(repeating: nil, count: leaves) }
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
    for slot in records.indices.reversed() {
      switch records[slot] {
      case .leaf, .part: continue
      case .single(let arcs):
        if let gradient = gradients[slot].take() {
          for arc in arcs { add(arc.pullback(gradient), to: arc.input) }
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
    }
    return Array(gradients[..<leaves])
  }
}

extension Tensor {
  /// The tensor as a function of others, each with the pullback that takes the gradient by this tensor to the gradient by
  /// that one. Without a running tape this does nothing.
  func recording(_ arcs: (Tensor, Tape.Pullback)...) -> Tensor {
    Tape.current?.record(self, arcs) ?? self
  }

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
}
