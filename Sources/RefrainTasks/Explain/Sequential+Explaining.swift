import Refrain
import RefrainData

extension Sequential {
  /// The output for sequences that are whole, with recurrent layers called by `layers`.
  ///
  /// - Parameters:
  ///   - first: The layer that is given the input; those before it are left out.
  ///   - name: What the layers' names begin with.
  func callAsFunction(_ input: Tensor, from first: Int = 0, layers calls: LayerCalls, named name: String) -> Tensor {
    layers.enumerated().dropFirst(first).reduce(input) { values, place in
      place.element is any InspectedLayer
        ? calls(place.element, named: "\(name).\(place.offset)", values) : place.element(values)
    }
  }
}
