/** Style sheets are bundled into dist/webview beside the script that imports them. */
declare module '*.css';
