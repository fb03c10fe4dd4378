import Foundation
import Refrain

/// Numbers within ±scale that are all different and follow from the phase alone: sines of a bent ramp. (Sines of a
/// straight ramp would make matrices of rank 2.)
public func ramp(_ shape: [Int], _ phase: Double = 0, scale: Float = 1) -> Tensor {
  let count = shape.reduce(1, *)
  return Tensor(
    (0..<count).map { index in
      let x = Double(index)
      return scale * Float(sin(phase + 1.7 * x + 0.013 * x * x))
    }, shape: shape)
}

extension TensorGroup {
  /// The group with every tensor a ramp of its own.
  public func filledWithRamps(_ phase: Double = 0, scale: Float = 1) -> Self {
    var next = phase
    return mapTensors { tensor in
      next += 0.61
      return ramp(tensor.shape, next, scale: scale)
    }
  }
}

/// Numbers from a seed, for what no ramp need show.
public func random(_ shape: [Int], seed: UInt64 = 1, deviation: Float = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .normal(shape, deviation: deviation, using: &generator)
}
