// The memory of fused scans, as the kernels read and write it.

import RefrainKernels

extension Schedule {
  func withView<Result>(_ body: (KernelSchedule) -> Result) -> Result {
    alive.withUnsafeBufferPointer { alive in
      offsets.withUnsafeBufferPointer { offsets in
        positions.withUnsafeBufferPointer { positions in
          // An empty array has no address; nothing is read through these then.
          let nothing = UnsafePointer<Int>(bitPattern: 8)!
          return body(
            KernelSchedule(
              steps: steps, alive: alive.baseAddress ?? nothing, offsets: offsets.baseAddress ?? nothing,
              positions: positions.baseAddress ?? nothing))
        }
      }
    }
  }
}

/// The masks of a scan in the order of the kernels.
struct MaskBuffers {
  /// `[B, padded H]` in the schedule's order.
  let dropout: Storage?
  /// `[N, H]`, or `[H]` where all rows are the same.
  let keptHidden: Storage?
  let keptCell: Storage?
  /// From row to row of these two.
  let stride: Int
  /// `[3, B, padded H]`
  let scratch: Storage

  /// nil if there are none. A schedule of `rows` rows has `count` steps in all, of `size` values each.
  init?(_ masks: StepMasks, keepsCell: Bool, rows: Int, count: Int, size: Int) {
    var masks = masks
    if !keepsCell { masks.keptCell = nil }
    if masks.isEmpty { return nil }
    // One row for all steps, if no mask says more.
    let isShared = [masks.keptHidden, masks.keptCell].allSatisfy { $0.map { $0.rank == 0 } ?? true }
    func kept(_ mask: Tensor?) -> Storage? {
      mask.map { ($0.rank == 0 ? $0 + .zeros(isShared ? [size] : [count, size]) : $0).storage }
    }
    dropout = masks.recurrent.map { paddedRows($0, Array(0..<rows)) }
    (keptHidden, keptCell) = (kept(masks.keptHidden), kept(masks.keptCell))
    stride = isShared ? 0 : size
    scratch = Storage(count: 3 * rows * kernels.paddedSize(size))
  }

  /// The masks as the kernels read them.
  var arguments: KernelMasks {
    KernelMasks(
      dropout: dropout?.address, keptHidden: keptHidden?.address, keptCell: keptCell?.address, keptStride: stride,
      scratch: scratch.pointer)
  }
}

/// The values that the forward kernel leaves for the backward one.
struct KeptGates {
  /// `[N, keptBlocks · H]`
  let values: Storage
  /// `[N, H]`, the cell state entering each step, where there is one.
  let cell: Storage?
}

func copy(_ storage: Storage) -> Storage {
  let copy = Storage(count: storage.count)
  kernels.copy(storage.count, storage.pointer, copy.pointer)
  withExtendedLifetime(storage) {}
  return copy
}

/// The rows of `[B, H]` in another order, each padded with zeros to the kernels' size.
func paddedRows(_ tensor: Tensor, _ order: [Int]) -> Storage {
  let size = tensor.shape[1]
  let padded = kernels.paddedSize(size)
  let storage = Storage(count: order.count * padded)
  tensor.read { source in
    for (row, index) in order.enumerated() {
      kernels.copy(size, source + index * size, storage.pointer + row * padded)
      kernels.fill(padded - size, 0, storage.pointer + row * padded + size)
    }
  }
  return storage
}

/// The inverse of ``paddedRows(_:_:)``: `[B, size]` in the order of the batch.
func unpaddedRows(_ storage: Storage, _ ranks: [Int], size: Int) -> Tensor {
  let padded = kernels.paddedSize(size)
  return Tensor([ranks.count, size]) { target in
    for (row, rank) in ranks.enumerated() {
      kernels.copy(size, storage.pointer + rank * padded, target + row * size)
    }
  }
}
