// Packed matrices: B[K, N] as panels of `panelWidth` columns, [panel][k][panelWidth], so that a product reads it in one
// stream. The last panel is only as many whole vectors wide as it needs, filled up with zeros.

extension KernelBuild {
  /// The floats of a packed B[K, N].
  public static func packedSize(_ depth: Int, _ columns: Int) -> Int { depth * paddedSize(columns) }

  /// Packs B[K, N], whose element (k, n) is b[k · rowStep + n · columnStep], into `packedSize` floats at `packed`; the
  /// two do not overlap.
  public static func packPanels(
    _ depth: Int, _ columns: Int, _ b: UnsafePointer<Float>, _ rowStep: Int, _ columnStep: Int,
    _ packed: UnsafeMutablePointer<Float>
  ) {
    var column = 0
    while column < columns {
      let used = smaller(panelVectors * width, columns &- column)
      let stride = (used &+ width &- 1) / width &* width
      let panel = packed + column &* depth
      let source = b + column &* columnStep
      if columnStep == 1 {
        for k in 0..<depth {
          let row = source + k &* rowStep
          var vectors = Vectors(used)
          while vectors.next() {
            let index = vectors.index
            let lanes = vectors.lanes
            store(load(row + index, lanes), panel + (k &* stride &+ index))
          }
        }
      } else {
        var vectors = Vectors(used)
        while vectors.next() {
          let index = vectors.index
          let lanes = vectors.lanes

          packLanes(depth, lanes, source + index &* columnStep, columnStep, rowStep, panel + index, stride)
        }
      }
      column &+= used
    }
  }
}

/// One vector's columns of a panel, from a source that runs along k: target[k · targetStride + lane] =
/// source[lane · laneStep + k · depthStep], zero from `lanes` on. Sixteen neighbors of k at a time, so that every line
/// of memory is used whole.
@inline(never)
func packLanes(
  _ depth: Int, _ lanes: Int, _ source: P, _ laneStep: Int, _ depthStep: Int, _ target: M, _ targetStride: Int
) {
  if depthStep == 1, lanes == width {
    return KernelBuild.transpose(lanes, depth, source, laneStep, target, targetStride)
  }
  var first = 0
  while first < depth {
    let end = smaller(depth, first &+ 16)
    for lane in 0..<lanes {
      let from = source + lane &* laneStep
      for k in first..<end { target[k &* targetStride &+ lane] = from[k &* depthStep] }
    }
    for lane in lanes..<width {
      for k in first..<end { target[k &* targetStride &+ lane] = 0 }
    }
    first = end
  }
}
