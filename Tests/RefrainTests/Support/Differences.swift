import RefrainTestSupport
import Testing

@testable import Refrain

/// Compares the gradient that the tape finds with central differences, for every element of every tensor.
///
/// The outputs of `function` are weighed by ramps and summed in double precision, so that their rounding does not hide
/// what a small step changes. Differences over a step and over half of it are joined (Richardson) into an estimate of
/// fourth order. Where the two disagree much the function has a kink within the step: such places are left out, and no
/// more than a fifth of all may be.
func expectGradientMatchesDifferences<Group: TensorGroup>(
  at point: Group, step: Float = 0.02, tolerance: Double = 2e-3, _ what: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation, of function: (Group) -> [Tensor]
) {
  let weights = function(point).enumerated().map { ramp($1.shape, 0.4 + 1.1 * Double($0)) }
  func value(_ group: Group) -> Double {
    zip(function(group), weights).reduce(0) { sum, pair in
      zip(pair.0.values, pair.1.values).reduce(sum) { $0 + Double($1.0) * Double($1.1) }
    }
  }
  let gradient = valueAndGradient(at: point, training: false) { group in
    zip(function(group), weights).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
  }.gradient

  let names = point.namedTensors.map(\.name)
  let found = gradient.tensors.map(\.values)
  let tensors = point.tensors
  var (places, kinks) = (0, 0)
  for (index, tensor) in tensors.enumerated() where tensor.count > 0 {
    #expect(gradient.tensors[index].shape == tensor.shape, "\(what()) \(names[index])", sourceLocation: sourceLocation)
    var (estimates, errors): ([Double], [Double]) = ([], [])
    for element in 0..<tensor.count {
      func slope(_ step: Float) -> Double {
        func moved(by change: Float) -> (value: Double, to: Double) {
          var copies = tensors
          let target = tensor.values[element] + change
          copies[index].withUnsafeMutableValues { $0[element] = target }
          return (value(point.replacingTensors(copies)), Double(target))
        }
        let (up, down) = (moved(by: step), moved(by: -step))
        return (up.value - down.value) / (up.to - down.to)
      }
      let (coarse, fine) = (slope(step), slope(step / 2))
      estimates.append((4 * fine - coarse) / 3)
      errors.append((fine - coarse).magnitude)
    }
    let scale = max(estimates.reduce(0) { max($0, $1.magnitude) }, 1e-2)
    places += tensor.count
    for element in 0..<tensor.count {
      guard errors[element] <= tolerance * scale else {
        kinks += 1
        continue
      }
      let difference = (Double(found[index][element]) - estimates[element]).magnitude
      if !(difference <= tolerance * scale) {
        Issue.record(
          """
          \(what()) the gradient by \(names[index]) at \(place(element, in: tensor.shape)) is \(found[index][element]), \
          differences say \(estimates[element])
          """, sourceLocation: sourceLocation)
        break
      }
    }
  }
  #expect(kinks * 5 <= places, "\(kinks) of \(places) places are kinks", sourceLocation: sourceLocation)
}
