/// An operation on tensors, written once: its value and its gradient stand side by side in one type.
///
/// Whatever follows what tensors do reads these types: the tape (``Recorder``) for gradients, a trace, which does them
/// again, the step compiler and the exporters. All hear of an operation at one point, `recorded(as:of:edges:)`. One
/// that a compiler or an exporter does not know is refused by its ``name``, never lost.
///
/// A new operation is one file: a type in ``Operations`` whose `callAsFunction` computes the value and ends in
/// `recorded(as: self, …)` with the gradients, and the function of tensors that calls it. To be compiled and exported
/// without anything else it gives a ``formula``. `callAsFunction` is not inlined: it gains nothing by it, and the
/// formulas of the cells, which are nothing but operations, would take twice as long to compile.
package protocol Operation: Equatable, Sendable {
  /// The word by which it is refused, such as `softmax`; by default the name of the type.
  var name: String { get }

  /// Does it again.
  ///
  /// - Parameters:
  ///   - operands: what it is done to, as many as it was recorded with.
  ///   - batch: the size that −1 stands for in a shape of the operation.
  func replay(_ operands: [Tensor], batch: Int) -> [Tensor]

  /// The operation for a batch of any size, if this one and `other` are the same for batches of two sizes; else nil.
  func generalized(with other: Self) -> Self?

  /// The same by other operations, for compilers and exporters that do not know this one; nil where there is no such
  /// formula. A trace holds the formula in place of the operation.
  func formula(_ operands: [Tensor]) -> [Tensor]?
}

extension Operation {
  package var name: String {
    let name = "\(Self.self)"
    return name.prefix(1).lowercased() + name.dropFirst()
  }

  package func generalized(with other: Self) -> Self? { self == other ? self : nil }

  package func formula(_ operands: [Tensor]) -> [Tensor]? { nil }

  /// ``generalized(with:)`` an operation of any type.
  func generalized(withAny other: any Operation) -> (any Operation)? {
    (other as? Self).flatMap { generalized(with: $0) }
  }
}

/// The operations, a type each.
package enum Operations {}

/// An operation on one tensor.
package protocol OperationOfOne: Operation {
  func callAsFunction(_ x: Tensor) -> Tensor
}

/// An operation on two tensors.
package protocol OperationOfTwo: Operation {
  func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor
}

/// An operation on three tensors.
package protocol OperationOfThree: Operation {
  func callAsFunction(_ x: Tensor, _ y: Tensor, _ z: Tensor) -> Tensor
}

extension OperationOfOne {
  package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { [self(operands[0])] }
}

extension OperationOfTwo {
  package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { [self(operands[0], operands[1])] }
}

extension OperationOfThree {
  package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { [self(operands[0], operands[1], operands[2])] }
}

extension Operations {
  /// An operation that has a gradient and nothing else: it is differentiated, and refused by name wherever it would
  /// have to be done again.
  package struct Opaque: Operation {
    package let name: String

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] {
      fatalError("the operation '\(name)' cannot be done again")
    }
  }
}
