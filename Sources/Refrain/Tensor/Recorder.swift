import Synchronization

/// The gradient of an operand from that of the result.
typealias Pullback = (Tensor) -> Tensor

/// The gradients of all operands from those of all results; a gradient that is nil is zero.
typealias JointPullback = ([Tensor?]) -> [Tensor?]

/// How the gradient of a result becomes a part of an operand's.
enum GradientEdge {
  /// The part.
  case pullback(Pullback)
  /// The result is a part of the operand, whose gradient it is added to where it lies: a loop that takes its input a
  /// slice at a time would otherwise make as many gradients of the whole.
  case slice(of: Slice)
  /// Either factor's transpose times the other, of which one is the gradient: put off until there are many rows, as for
  /// the weights of a loop they come a few a step.
  case product(of: (_ gradient: Tensor) -> (left: Tensor, right: Tensor))
}

/// Hears of every operation while it is current. There is one recorder at a time: the tape, which finds gradients, or a
/// trace, which keeps the operations themselves.
protocol Recorder: AnyObject, Sendable {
  /// Whether gradients are wanted, for operations that must then keep more.
  var isDifferentiating: Bool { get }

  /// Whether a tensor is an input of what is recorded, or was made of one.
  func follows(_ tensor: Tensor) -> Bool

  /// Takes down an operation with one result.
  ///
  /// - Parameter edges: for each operand how its gradient is found; nil where none flows.
  /// - Returns: the result, to be used in its place.
  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ result: Tensor, edges: () -> [GradientEdge?]
  ) -> Tensor

  /// Takes down an operation whose results are pulled back together.
  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ results: [Tensor],
    pullback: @escaping JointPullback
  ) -> [Tensor]

  /// A slice of a tensor: made by `make`, or one that was made before.
  func slice(of tensor: Tensor, at slice: Slice, make: () -> Tensor) -> Tensor

  /// Hears that the values of a tensor are looked at, not by an operation but by the code that does the operations.
  func noteReading(of tensor: Tensor)
}

extension Recorder {
  /// Whether gradients are wanted of something that one of these tensors has a part in.
  func differentiates(_ operands: [Tensor]) -> Bool { isDifferentiating && operands.contains(where: follows) }

  func slice(of tensor: Tensor, at slice: Slice, make: () -> Tensor) -> Tensor { make() }

  func noteReading(of tensor: Tensor) {}
}

/// The one point that every operation on tensors passes.
enum Recording {
  /// What hears of the operations of this task; nil means nobody, and nothing is kept.
  @TaskLocal static var current: (any Recorder)?

  /// Runs `body` with a recorder, or with none.
  static func run<Result, E: Error>(
    _ recorder: (any Recorder)?, _ body: () throws(E) -> Result
  ) throws(E) -> Result {
    try $current.withValue(recorder) { () -> Swift.Result<Result, E> in
      do throws(E) { return .success(try body()) } catch { return .failure(error) }
    }.get()
  }

  private static let counter = Atomic<UInt64>(1)

  /// A number that no other recorder has.
  static func makeIdentifier() -> UInt64 { counter.wrappingAdd(1, ordering: .relaxed).newValue }

  /// Where a recorder keeps what it knows of a tensor.
  struct Place: Sendable {
    /// The identifier of the recorder.
    var recorder: UInt64
    var slot: Int
    static let none = Place(recorder: 0, slot: 0)
  }
}

extension Tensor {
  /// The result of an operation, of which the running recorder hears. Without one this does nothing.
  ///
  /// - Parameters:
  ///   - operation: which one.
  ///   - operands: the tensors that it was done to.
  ///   - edges: for each operand how its gradient is found from that of the result; nil where none flows.
  @inline(__always)
  func recorded(
    as operation: @autoclosure () -> any Operation, of operands: @autoclosure () -> [Tensor],
    edges: () -> [GradientEdge?]
  ) -> Tensor {
    guard let recorder = Recording.current else { return self }
    return recorder.record(operation(), of: operands(), self, edges: edges)
  }

  /// The result of an operation that has a gradient and nothing else, called by the function that it is written in.
  func recording(_ edges: (Tensor, Pullback)..., as name: String = #function) -> Tensor {
    recorded(as: Operations.Opaque(name: name), of: edges.map(\.0)) { edges.map { .pullback($0.1) } }
  }
}
