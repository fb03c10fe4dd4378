import Refrain
import RefrainData

/// A recurrent layer's kernel, recurrent kernel and bias, from the arrays that older versions have: Keras 1 has three
/// for each gate, and layers for cuDNN have other layouts.
func renewedCell(_ arrays: [NumericArray], gates: Int) -> [NumericArray] {
  let tensors = arrays.map { Tensor($0.values.floats, shape: $0.shape) }
  if gates > 1, arrays.count == 3 * gates {
    // Of an LSTM in the order i c f o.
    let order = gates == 4 ? [0, 2, 1, 3] : Array(0..<gates)
    return (0..<3).compactMap { part -> NumericArray? in
      let parts = order.map { tensors[3 * $0 + part] }
      guard let first = parts.first, first.rank > 0, parts.allSatisfy({ $0.count > 0 }),
        parts.allSatisfy({ $0.rank == first.rank && $0.shape.dropLast() == first.shape.dropLast() })
      else { return nil }
      return concatenate(parts, axis: -1).numericArray
    }
  }
  guard arrays.count == 3, gates > 1, tensors.allSatisfy({ $0.count > 0 }), tensors[0].rank == 2, tensors[1].rank == 2,
    tensors[2].rank == 1,
    tensors[2].count == 2 * gates * tensors[1].shape[0], tensors[0].shape[1] == gates * tensors[1].shape[0],
    tensors[1].shape[1] == tensors[0].shape[1]
  else { return arrays }
  let (inputs, size) = (tensors[0].shape[0], tensors[1].shape[0])
  func blocks(_ kernel: Tensor, _ transform: (Tensor) -> Tensor) -> NumericArray {
    concatenate(
      (0..<gates).map { transform(kernel.slice($0 * size..<($0 + 1) * size, axis: 1)) }, axis: 1
    ).numericArray
  }
  return [
    // A block `[I, H]` lies in memory as `[H, I]`.
    blocks(tensors[0]) { $0.reshaped([size, inputs]).transposed([1, 0]) },
    blocks(tensors[1]) { $0.transposed([1, 0]) },
    gates == 4
      ? (tensors[2].slice(0..<4 * size, axis: 0) + tensors[2].slice(4 * size..<8 * size, axis: 0)).numericArray
      : tensors[2].reshaped([2, gates * size]).numericArray,
  ]
}

extension Tensor {
  /// The values as files hold them.
  var numericArray: NumericArray { NumericArray(values, shape: shape) }
}
